"""The files of a server's set-up, written beside the models; what exists is left as it is.

`models.config` is the exception: a model that it does not name yet is added.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.atomic import write_atomically

MODELS_CONFIG = "models.config"
CONTAINER_ROOT = "/models"  # where docker-compose.yml mounts the folder

_MODELS_HEADER = """\
# Models that the server loads; `tfdeblur export` adds those it writes. Paths are those inside the
# container of docker-compose.yml. The server reads this file again every 30 seconds.
#
# A label is a name for a version that requests may ask for in its place; one version must be
# loaded for each:
#   model_version_policy { specific { versions: 1 versions: 2 } }
#   version_labels { key: "stable" value: 1 }
#   version_labels { key: "canary" value: 2 }
"""

_MODEL = """\
  config {{
    name: "{name}"
    base_path: "{root}/{name}"
    model_platform: "tensorflow"
  }}
"""

_BATCHING = """\
# For --batching_parameters_file together with --enable_batching, which docker-compose.yml leaves
# switched off. Do not switch it on for models that take images of any size: the server joins
# requests along the first axis only, so that images of different sizes fail together. Models
# named ..._tile (tfdeblur export --fixed-tile) are made for it and carry their own
# batching_params.pbtxt: start the server with TFS_BATCHING=true.
max_batch_size { value: 8 }
batch_timeout_micros { value: 2000 }
max_enqueued_batches { value: 16 }
num_batch_threads { value: 2 }
thread_pool_name { value: "tfdeblur_batches" }
"""

# Read by --enable_per_model_batching_parameters, of the version's folder.
BATCHING_OF_A_VERSION = """\
max_batch_size { value: 8 }
batch_timeout_micros { value: 2000 }
max_enqueued_batches { value: 16 }
num_batch_threads { value: 2 }
allowed_batch_sizes: 1
allowed_batch_sizes: 2
allowed_batch_sizes: 4
allowed_batch_sizes: 8
"""

_MONITORING = """\
# Metrics for Prometheus, at the REST port.
prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
"""

_FLAGS = (
    "--port=8500",
    "--rest_api_port=8501",
    f"--model_config_file={CONTAINER_ROOT}/{MODELS_CONFIG}",
    "--model_config_file_poll_wait_seconds=30",
    "--allow_version_labels_for_unavailable_models=true",
    f"--monitoring_config_file={CONTAINER_ROOT}/monitoring.config",
    "--enable_grpc_healthcheck_service=true",
    "--enable_batching=${TFS_BATCHING:-false}",
    "--enable_per_model_batching_parameters=${TFS_BATCHING:-false}",
    # By default a broken version is tried again for five minutes before the server says so.
    "--max_num_load_retries=1",
    "--load_retry_interval_micros=1000000",
    # The only limit on how many images are restored at a time, and so on memory.
    "--grpc_max_threads=${TFS_THREADS:-4}",
)

# oneDNN's convolutions with a bias and an addition keep what they add in the operation, so that two
# requests at the same time get wrong pixels (TensorFlow 2.20, 2.21): one operation at a time.
_FLAGS_OF_A_PROCESSOR = (*_FLAGS, "--tensorflow_inter_op_parallelism=1")

_COMPOSE = """\
# TensorFlow Serving for the models in this folder. Ports are open to this machine only.
#   docker compose --profile gpu up     needs the NVIDIA Container Toolkit
#   docker compose --profile cpu up
# Environment: TFS_IMAGE, TFS_CPU_IMAGE (images), TFS_THREADS (images restored at a time),
# TFS_BATCHING=true (join requests to models ..._tile).

x-serving: &serving
  # Not the image's own script: it would keep signals from the server.
  entrypoint: ["/usr/bin/tensorflow_model_server"]
  command:
{flags}
  init: true
  restart: unless-stopped
  ports:
    - "127.0.0.1:8500:8500"
    - "127.0.0.1:8501:8501"
  healthcheck:
    # The port opens once every model is loaded.
    test: ["CMD", "bash", "-c", "</dev/tcp/127.0.0.1/8500"]
    interval: 10s
    timeout: 5s
    start_period: 300s

services:
  gpu:
    <<: *serving
    profiles: ["gpu"]
    image: ${{TFS_IMAGE:-tensorflow/serving:2.20.0-gpu}}
    environment:
      # Otherwise the server takes the whole memory of the GPU at its start.
      TF_FORCE_GPU_ALLOW_GROWTH: "true"
      # GPUs that are newer than the image compile its kernels once; this keeps the result.
      CUDA_CACHE_PATH: /cuda-cache
      CUDA_CACHE_MAXSIZE: "4294967296"
    volumes:
      - .:{root}:ro
      - cuda-cache:/cuda-cache
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              count: 1
              capabilities: [gpu]
  cpu:
    <<: *serving
    profiles: ["cpu"]
    image: ${{TFS_CPU_IMAGE:-tensorflow/serving:2.20.0}}
    command:
{flags_of_a_processor}
    volumes:
      - .:{root}:ro

volumes:
  cuda-cache:
"""

_README = """\
# Models for TensorFlow Serving

Written by `tfdeblur export`. Each model is a folder, each version a folder with a number in it.
Versions are never changed: export again to get the next one; a server that runs loads it within
seconds, then lets go of the one before.

    docker compose --profile gpu up             a GPU
    docker compose --profile cpu up             none
    tfdeblur serve --model_config_file models.config --path_map /models=.
                                                without Docker: for laptops and tests
    tfdeblur request photo.jpg --target localhost:8500 --model NAME --out restored/

| file | what for |
|---|---|
| `models.config` | which models are loaded; new ones are added by `tfdeblur export` |
| `docker-compose.yml` | TensorFlow Serving with the flags that these models need |
| `monitoring.config` | metrics at http://localhost:8501/monitoring/prometheus/metrics |
| `batching_parameters.txt` | joining requests; not in use unless you switch it on |
| `NAME/VERSION/assets.extra/tfdeblur_export.json` | what a version was made of |

Files here are yours to change: only `models.config` is written to again, when a model is added.

Signatures of a model:

| signature | input | output |
|---|---|---|
| `serving_default` | `image` float32 (n, h, w, 3) in [0, 1] | `restored`, the same |
| `serving_uint8` | `image_u8` uint8 (n, h, w, 3); the fastest for arrays | `restored_u8` |
| `serving_bytes` | `image_bytes` (n), PNG or JPEG files | `restored_bytes`, PNG files |
| `serving_flow` | `image` as above, RP-GAN only | `restored`, `flow`, `confidence`, `score` |

Alpha is dropped, 16 bits become 8, and turns that EXIF asks for are not made in `serving_bytes`:
`DeblurClient.deblur_bytes` writes them into the PNG that came back, for viewers to make.
"""


def check_models_config(root: Path) -> None:
    """Finds out, before long work, whether a model can be added to `models.config`.

    Raises:
        InvalidInput: if `root` is a file.
        DataError: if it cannot be read, or is no list of models.
    """
    _read_models(root)


def write_serving_files(root: Path, names: Iterable[str]) -> None:
    """Writes the files of a server's set-up into `root`, where they are missing.

    Args:
        root: folder of all models.
        names: of models that `models.config` must list.

    Raises:
        DataError: if a file cannot be written, or `models.config` is no list of models.
    """
    flags, of_processor = (
        "\n".join(f'    - "{flag}"' for flag in given) for given in (_FLAGS, _FLAGS_OF_A_PROCESSOR)
    )
    for name, text in {
        "batching_parameters.txt": _BATCHING,
        "monitoring.config": _MONITORING,
        "docker-compose.yml": _COMPOSE.format(
            flags=flags, flags_of_a_processor=of_processor, root=CONTAINER_ROOT
        ),
        "README.md": _README,
    }.items():
        if not (root / name).exists():
            write_atomically(root / name, text.encode())
    listed = _read_models(root)
    text = listed
    for name in names:
        if not re.search(rf'\bname\s*:\s*"{re.escape(name)}"', _without_comments(text)):
            end = _without_comments(text).rindex("}")
            added = _MODEL.format(name=name, root=CONTAINER_ROOT)
            text = f"{text[:end]}{added}{text[end:]}"
    if text != listed or not (root / MODELS_CONFIG).exists():
        write_atomically(root / MODELS_CONFIG, text.encode())


def _read_models(root: Path) -> str:
    """The text of `models.config`; an empty list of models where there is none."""
    path = root / MODELS_CONFIG
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return f"{_MODELS_HEADER}model_config_list {{\n}}\n"
    except NotADirectoryError as error:
        raise InvalidInput(
            f"`root` must be a folder, or not there yet. Received: root={str(root)!r}"
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    bare = _without_comments(text)
    if not re.match(r"\s*model_config_list\s*:?\s*\{", bare) or not bare.rstrip().endswith("}"):
        raise DataError(
            f"{path} is no list of models (`model_config_list {{ ... }}`), so none can be added. "
            "Repair it, or move it away to get a new one."
        )
    return text


def _without_comments(text: str) -> str:
    """The text with blanks for comments: what is found in it stands there in the text."""
    return re.sub(r"#[^\n]*", lambda comment: " " * len(comment[0]), text)
