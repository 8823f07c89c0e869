"""Files of a server's set-up: what TensorFlow Serving reads in them, and what is left alone."""

import re

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from tensorflow_serving.config import model_server_config_pb2

from export import export_model
from export.graph.serving_config import BATCHING_OF_A_VERSION, write_serving_files
from tests.export.helpers import Scale
from tfdeblur.errors import DataError, InvalidInput

# Flags of tensorflow_model_server 2.20 (model_servers/main.cc) that are of use here.
FLAGS = {
    *("port", "rest_api_port", "rest_api_timeout_in_ms", "grpc_max_threads"),
    *("model_config_file", "model_config_file_poll_wait_seconds", "monitoring_config_file"),
    *("model_name", "model_base_path", "file_system_poll_wait_seconds", "saved_model_tags"),
    *("enable_batching", "batching_parameters_file", "enable_per_model_batching_parameters"),
    *("allow_version_labels_for_unavailable_models", "enable_model_warmup"),
    *("num_request_iterations_for_warmup", "enable_grpc_healthcheck_service"),
    *("max_num_load_retries", "load_retry_interval_micros", "per_process_gpu_memory_fraction"),
    *("tensorflow_session_config_file", "tensorflow_session_parallelism", "mixed_precision"),
    *("tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism"),
    *("xla_cpu_compilation_enabled", "xla_gpu_compilation_enabled"),
    "enable_serialization_as_tensor_content",
}

# Messages that the package tensorflow-serving-api does not bring.
# Source: TensorFlow Serving, session_bundle_config.proto and monitoring_config.proto.
MESSAGES = {
    "Number": {"value": "int64"},
    "Text": {"value": "string"},
    "BatchingParameters": {
        **dict.fromkeys(["max_batch_size", "batch_timeout_micros"], "Number"),
        **dict.fromkeys(["max_enqueued_batches", "num_batch_threads"], "Number"),
        "thread_pool_name": "Text",
        "allowed_batch_sizes": "int64 repeated",
        "pad_variable_length_inputs": "bool",
    },
    "PrometheusConfig": {"enable": "bool", "path": "string"},
    "MonitoringConfig": {"prometheus_config": "PrometheusConfig"},
}


@pytest.fixture(scope="module")
def messages():
    """The classes of `MESSAGES`, by name."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="set_up.proto", package="set_up")
    file.syntax = "proto3"
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (key, kind) in enumerate(fields.items(), 1):
            kind, _, repeated = kind.partition(" ")
            label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            field = message.field.add(name=key, number=number, label=label)
            if kind in MESSAGES:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".set_up.{kind}"
            else:
                field.type = getattr(kinds, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"set_up.{name}"))
        for name in MESSAGES
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    write_serving_files(root, ["scale"])
    return root


def test_batching(root, messages):
    parse, kind = text_format.Parse, messages["BatchingParameters"]
    all_of_a_server = parse((root / "batching_parameters.txt").read_text(), kind())
    of_a_version = parse(BATCHING_OF_A_VERSION, kind())
    sizes = list(of_a_version.allowed_batch_sizes)
    # Or the version is not loaded.
    assert sizes == sorted(set(sizes)) and sizes[-1] == of_a_version.max_batch_size.value
    assert not of_a_version.pad_variable_length_inputs  # would answer with padded images
    for name in ("max_enqueued_batches", "num_batch_threads"):
        for one in (all_of_a_server, of_a_version):
            assert getattr(one, name).value > 0


def test_monitoring(root, messages):
    text = (root / "monitoring.config").read_text()
    config = text_format.Parse(text, messages["MonitoringConfig"]()).prometheus_config
    assert config.enable and config.path in (root / "README.md").read_text()


def test_models_are_added_and_the_rest_is_left_alone(root, tmp_path):
    (tmp_path / "monitoring.config").write_text("mine")
    (tmp_path / "models.config").write_text(
        '# mine, name: "b"\nmodel_config_list { config { name: "a" base_path: "/x" } }\n# end }\n'
    )
    write_serving_files(tmp_path, ["a", "b", "b_tile"])
    text = (tmp_path / "models.config").read_text()
    assert text.startswith("# mine") and text.count("base_path") == 3
    assert (tmp_path / "monitoring.config").read_text() == "mine"
    write_serving_files(tmp_path, ["b"])
    assert (tmp_path / "models.config").read_text() == text
    for folder, names in ((tmp_path, ["a", "b", "b_tile"]), (root, ["scale"])):
        config = model_server_config_pb2.ModelServerConfig()
        text_format.Parse((folder / "models.config").read_text(), config)
        models = config.model_config_list.config
        assert [model.name for model in models] == names
        assert [m.base_path for m in models[-1:]] == [f"/models/{names[-1]}"]
        assert models[-1].model_platform == "tensorflow"


def test_a_broken_list_of_models_is_found_before_the_work(tmp_path):
    (tmp_path / "models.config").write_text("model_config_list {")
    with pytest.raises(DataError, match="is no list of models"):
        export_model(Scale(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["models.config"]
    with pytest.raises(InvalidInput, match="`root` must be a folder.*models.config"):
        export_model(Scale(), tmp_path / "models.config")


def test_compose(root):
    text = (root / "docker-compose.yml").read_text()
    assert text.count(".:/models:ro") == 2
    assert "127.0.0.1:8500:8500" in text and "0.0.0.0" not in text
    paths = re.findall(r"=/models/(\S+)\"", text)
    assert len(paths) == 4 and all((root / path).is_file() for path in paths)
    flags = re.findall(r"\"--(\w+)=", text)
    assert len(flags) == 2 * len(set(flags)) - 1 > 20 and set(flags) <= FLAGS
    assert text.count("--tensorflow_inter_op_parallelism=1") == 1  # of the processor alone


def test_compose_is_yaml(root):
    yaml = pytest.importorskip("yaml", reason="needs pyyaml to read docker-compose.yml")
    services = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]
    assert set(services) == {"gpu", "cpu"}
    for service in services.values():
        assert service["init"] is True and service["entrypoint"][0].endswith("_model_server")
        assert all(flag.startswith("--") for flag in service["command"])
    alone = "--tensorflow_inter_op_parallelism=1"
    assert services["cpu"]["command"] == [*services["gpu"]["command"], alone]
