"""What every operator keeps in a graph, whatever sizes came before in the same process."""

import pytest
import tensorflow as tf

from tests.helpers import noise
from tfdeblur.operators import MotionBlur, PathBlur, SampledBlur
from tfdeblur.solvers import deconvolve

MAKERS = {
    "MotionBlur": lambda *size: MotionBlur(noise(*size, 2)),
    "MotionBlur by taps": lambda *size: MotionBlur(noise(*size, 2), method="taps"),
    "SampledBlur": lambda *size: SampledBlur(noise(*size, 2), samples=3),
    "PathBlur": lambda batch, *size: PathBlur(noise(batch, 3, *size, 2)),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_shape_is_known_after_other_sizes(kind):
    # TensorFlow makes shapes of its graphs wider with every further size that is traced.
    for size in ((1, 5, 6), (2, 5, 6), (3, 7, 4), (4, 8, 9)):
        operator, image = MAKERS[kind](*size), tf.constant(noise(*size, 3))

        @tf.function
        def solved(image, operator=operator):
            blurred = operator.apply(image), operator.adjoint(image)
            with tf.GradientTape() as tape:
                tape.watch(image)
                value = deconvolve(operator, image, image, 0.1, max_steps=2).value
            return *blurred, value, tape.gradient(value, image)

        shapes = [tuple(shape) for shape in solved.get_concrete_function(image).output_shapes]
        assert shapes == [image.shape] * 4


@pytest.mark.parametrize("kind", MAKERS)
def test_loops_over_samples_run_one_after_the_other(kind):
    """Ten steps at once, TensorFlow's habit, would hold ten times what the docstrings promise."""
    size = (1, 5, 6)
    operator, image = MAKERS[kind](*size), tf.constant(noise(*size, 3))

    @tf.function
    def both(image):
        return operator.apply(image), operator.adjoint(image)

    graph = both.get_concrete_function(image).graph.as_graph_def()
    nodes = [node for function in graph.library.function for node in function.node_def]
    at_once = [node.attr["parallel_iterations"].i for node in nodes if node.op.endswith("While")]
    assert at_once and set(at_once) == {1}
