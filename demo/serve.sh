#!/usr/bin/env bash
# A model as a service: export, serve, one request, and the same pixels as without a service.
# Usage: demo/serve.sh BIN OUT IMAGES [OPTION of export]..., with OUT/restored what `tfdeblur deblur`
# has made of IMAGES with the same model and options.
set -euo pipefail
bin=$1 out=$2 images=$3 port=${PORT:-8511}

"$bin/tfdeblur" export --root "$out/served" "${@:4}"
"$bin/tfdeblur" serve --model_base_path "$PWD/$out/served/deblur" --model_name deblur \
    --port "$port" &
service=$!
trap 'kill $service; wait $service' EXIT
"$bin/tfdeblur" request "$images" --out "$out/requested" \
    --target "localhost:$port" --model deblur --wait 120
"$bin/python" - "$out/requested" "$out/restored" <<'PYTHON'
import pathlib
import sys

import cv2
import numpy as np

requested, direct = map(pathlib.Path, sys.argv[1:])
found = [path for path in sorted(requested.iterdir()) if path.suffix in (".png", ".webp", ".jpg")]
if not found:
    sys.exit("The service has answered nothing.")
for path in found:
    served, local = (cv2.imread(str(folder / path.name)) for folder in (requested, direct))
    furthest = int(np.abs(served.astype(int) - local).max())
    print(f"{path.name}: served and local differ by at most {furthest} of 255 levels")
    if furthest > 1:
        sys.exit("The service does not answer as the local call does.")
PYTHON
