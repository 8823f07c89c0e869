"""All limits on what comes from outside, each with its reason; `docs/serving.md` tells the same.

What a file or a request says of its own size is compared with these before anything is allocated
for it. Whoever reads files or requests takes its limits from here: nothing else is in this module,
and it imports nothing, so that any part may read it.
"""

# --- pictures and flows -----------------------------------------------------------------------

# Pixels of a picture: 16384 x 16384, 0.8 GB decoded at 8 bits.
MOST_PIXELS = 2**28
# Pixels of a flow, as of photographs: 2 GB of float32.
MOST_PIXELS_OF_A_FLOW = 2**28
# Bytes of a colour profile once it is unpacked; those of printers have up to 4 MB.
MOST_BYTES_OF_A_PROFILE = 2**24
# Entries of a directory of EXIF or TIFF; cameras write 20 to 100.
MOST_ENTRIES_OF_A_DIRECTORY = 1000

# --- models of others -------------------------------------------------------------------------

# Bytes of a message of Protocol Buffers, by its own rules.
LARGEST_MESSAGE = 2**31 - 1
# Bytes of weights that become constants of a graph, which ends at 2 GiB with all that is in it;
# so do files of ONNX.
MOST_BYTES_OF_CONSTANTS = 1_900_000_000
# Bytes of all members of a package, unpacked; the one of MAXIM has 0.12 GB.
MOST_BYTES_OF_A_PACKAGE = 2 * 10**9
# Files of a package; the one of MAXIM has about 30.
MOST_MEMBERS = 10_000
# Bytes of one header of an archive, which may claim any length.
MOST_BYTES_OF_A_HEADER = 2**20
# Bytes of a text that people wrote: licences, model cards, descriptions.
MOST_BYTES_OF_A_TEXT = 2**20
# Bytes of a network's description as JSON: model.json of TensorFlow.js, config.json of Keras.
MOST_BYTES_OF_JSON = 200 * 10**6
MOST_BYTES_OF_CONFIG = 2**26
# Groups within each other in a file of weights; Keras makes fewer than ten.
MOST_DEPTH = 100
# Operators of a graph; large networks have some thousand. ONNX's checks cost more for each.
MOST_OPERATORS = 1_000_000
MOST_OPERATORS_OF_ONNX = 100_000
# Bytes of any array that a network of others computes of a small picture.
MOST_BYTES_OF_A_TENSOR = 2**31
# Pixels of a side that a network of others may be fixed to.
MOST_PIXELS_OF_A_SIDE = 2**14
# Pixels of a side that a network in a file of others may be fixed to: it is run on it once.
MOST_PIXELS_OF_A_FIXED_SIDE = 2048
# Axes of a constant; TensorFlow's operators know no more.
MOST_AXES = 8
# Results of a graph that are looked at for one that is a picture.
MOST_OUTPUTS = 32

# --- the service ------------------------------------------------------------------------------

# Bytes of a request, by default: a 3840x2160 photograph as float32 has 100 MB. `-1`: of Protocol
# Buffers (TensorFlow Serving's default).
DEFAULT_BYTES_OF_A_REQUEST = 2**28
# Fields, axes and texts of a request: two bytes on the wire can be a hundred in memory. Images in
# packed numbers need about ten, encoded pictures one each.
MOST_ENTRIES_OF_A_REQUEST = 2**16
# Elements of a shape, an axis of 0 counted as 1: times the size of one, what addresses count.
MOST_ELEMENTS = 2**56
# Bytes that an empty text takes, Python's object and TensorFlow's, about.
BYTES_OF_A_TEXT = 64
# Letters of a line in the service's log: names in requests may be as long as messages.
LETTERS_OF_A_LINE = 500
# Pixels of a request where nobody said: 3840 x 2160 fits, and Bi-Skip then takes 7.5 GB.
DEFAULT_PIXELS_OF_A_REQUEST = 2**23
# Bytes of working memory that those pixels may take where a network sees whole images.
DEFAULT_BYTES_OF_WORK = 2**33
# Pixels that TensorFlow's kernels count to; and the largest number of a version.
MOST_COUNTED = 2**31 - 1
# Warm-up records of a version: of more, TensorFlow Serving refuses to load it.
MOST_WARMUP_RECORDS = 1000
# Calls that arrive, and as many whose answer is not taken; or as many as are served.
MOST_SLOW_CALLS = 64
# Calls that go on for as long as the caller likes: reflection, and watches of the health service.
MOST_STREAMS = 8
# Seconds until an answer that is not taken may be given up, if its memory is needed by others.
SECONDS_TO_TAKE = 10
# Seconds: gRPC tells some centuries where there is no deadline, which no lock can wait for.
LONGEST_DEADLINE = 365 * 86400.0
# Seconds for a handshake; until a silent connection is asked; until it must answer; until one
# without calls is closed (clients open it again at the next call).
SECONDS_OF_A_HANDSHAKE = 10
SECONDS_UNTIL_ASKED = 60
SECONDS_TO_ANSWER = 20
SECONDS_IDLE = 600
