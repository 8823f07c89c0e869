"""Metadata, status, reload, health and the calls that these models have no signature for."""

import pytest
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    regression_pb2,
)

from tests.export.service.makers import refusal

INVALID, NOT_FOUND = 3, 5
AVAILABLE = 30


def test_metadata(caller):
    answer = caller.metadata()
    assert (answer.model_spec.name, answer.model_spec.signature_name) == (caller.model, "")
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    names = set(signatures.signature_def)
    assert {"serving_default", "serving_uint8", "serving_bytes"} <= names
    assert "__saved_model_init_op" in names
    assert list(signatures.signature_def["serving_uint8"].inputs) == ["image_u8"]


def test_metadata_refuses_in_order(caller):
    """no spec, no field, other field, then the checks of the spec"""
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    call = caller.prediction.GetModelMetadata
    assert refusal(call, request) == (INVALID, "Missing ModelSpec")
    request.model_spec.name = ""
    request.model_spec.SetInParent()
    code, text = refusal(call, request)
    assert (code, text) == (
        INVALID,
        "GetModelMetadataRequest must specify at least one metadata_field",
    )
    request.metadata_field.append("size")
    code, text = refusal(call, request)
    assert code == INVALID and "Metadata field size is not supported" in text
    request.metadata_field[0] = "signature_def"
    assert refusal(call, request) == (INVALID, "ModelSpec has no name specified.")
    code, text = refusal(caller.metadata, name="none")
    assert code == NOT_FOUND and "Servable not found for request: Latest(none)" in text
    code, text = refusal(caller.metadata, version=77)
    assert code == NOT_FOUND and "Servable not found for request: Specific(" in text


def test_status(caller, real_server):
    states = caller.status()
    assert list(states) == sorted(states, reverse=True)
    assert AVAILABLE in {entry.state for entry in states.values()}
    number = next(n for n, entry in states.items() if entry.state == AVAILABLE)
    assert states[number].status.error_code == 0
    assert list(caller.status(version=number)) == [number]


def test_status_ignores_labels(caller):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = caller.model
    request.model_spec.version_label = "gone"
    answer = caller.models.GetModelStatus(request)
    assert len(answer.model_version_status) == len(caller.status())


@pytest.mark.parametrize("name", ["none", ""])
def test_status_of_no_model(caller, name):
    code, text = refusal(caller.status, name=name)
    assert (code, text[:39]) == (NOT_FOUND, "Could not find any versions of model " + name[:2])


def test_status_refuses(caller):
    request = get_model_status_pb2.GetModelStatusRequest()
    assert refusal(caller.models.GetModelStatus, request)[0] == INVALID
    code, text = refusal(caller.status, version=77)
    assert code == NOT_FOUND and "Could not find version 77 of model" in text


MODEL = {"name": "deblur", "base_path": "/models/deblur", "model_platform": "tensorflow"}
CONFIGS = {
    "twice": ([MODEL, MODEL], "Illegal to list model deblur multiple times in config list"),
    "relative": (
        [MODEL | {"base_path": "models/deblur"}],
        "Expected model deblur to have an absolute path or URI",
    ),
    "no platform": (
        [MODEL | {"model_platform": ""}],
        "Illegal setting neither ModelServerConfig::model_type",
    ),
    "other platform": (
        [MODEL | {"name": "new", "model_platform": "pytorch"}],
        "requests unsupported platform",
    ),
    "changed platform": (
        [MODEL | {"model_platform": "pytorch"}],
        "Illegal to change a model's platform",
    ),
}


@pytest.mark.parametrize("config", CONFIGS)
def test_reload_refuses(caller, config):
    models, text = CONFIGS[config]
    models = [m | {"name": m["name"].replace("deblur", caller.model)} for m in models]
    code, details = refusal(caller.reload, *models)
    assert code == INVALID
    assert text.replace("deblur", caller.model) in details
    assert caller.status(), "the models that are served stay"


def test_reload_takes_lists_of_models_only(caller):
    request = model_management_pb2.ReloadConfigRequest()
    request.config.custom_model_config.SetInParent()
    code, text = refusal(caller.models.HandleReloadConfigRequest, request)
    assert code == INVALID
    assert "ServerModelConfig type not supported by HandleReloadConfigRequest" in text


@pytest.mark.parametrize(
    "method, request_type, kind",
    [
        ("Classify", classification_pb2.ClassificationRequest, "classification"),
        ("Regress", regression_pb2.RegressionRequest, "regression"),
    ],
)
def test_classify_and_regress(caller, method, request_type, kind):
    call, request = getattr(caller.prediction, method), request_type()
    assert refusal(call, request) == (INVALID, "Missing ModelSpec")
    request.model_spec.name = "none"
    assert refusal(call, request)[0] == NOT_FOUND
    request.model_spec.name = caller.model
    request.model_spec.signature_name = "no"
    code, text = refusal(call, request)
    assert code == INVALID and "No signature was found with the name: no" in text
    request.model_spec.signature_name = ""
    code, text = refusal(call, request)
    assert code == INVALID and f"No {kind} inputs found in SignatureDef" in text


def test_multi_inference(caller):
    call, request = caller.prediction.MultiInference, inference_pb2.MultiInferenceRequest()
    assert refusal(call, request) == (INVALID, "ModelSpec has no name specified.")
    task = request.tasks.add(method_name="tensorflow/serving/predict")
    task.model_spec.name, task.model_spec.signature_name = caller.model, "no"
    code, text = refusal(call, request)
    assert code == INVALID and "Requested signature not found in model graph: no" in text
    task.model_spec.signature_name = ""
    code, text = refusal(call, request)
    assert code == 12
    assert "Unsupported signature method_name: tensorflow/serving/predict" in text


def test_health(caller, real_server):
    for name in ("", "ModelService", "PredictionService"):
        assert caller.healthy(name)
    assert refusal(caller.healthy, "tensorflow.serving.PredictionService")[0] == NOT_FOUND


def test_reflection_names_the_services(caller, real_server):
    if real_server:
        pytest.skip("the real server has no reflection")
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    stub = reflection_pb2_grpc.ServerReflectionStub(caller.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    answer = next(stub.ServerReflectionInfo(iter([request])))
    names = {service.name for service in answer.list_services_response.service}
    assert {
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "grpc.health.v1.Health",
    } <= names
