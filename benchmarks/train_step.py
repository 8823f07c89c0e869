"""`BiSkipTrainer.train_step` against a bare step: forward, losses, backward, update, by hand.

The bare step uses the same networks, losses and optimizers (a twin with its own weights) and the
same number of critic updates. What `train_step` adds: logs, self-paced weights, the machinery of
`fit`. Schemes: the names of the paper's table 1; those with P need --vgg.
"""

import contextlib

from _common import finish, parser, picture, show

BAR = 1.15


def read_arguments():
    """The command line."""
    made = parser(__doc__)
    made.add_argument("--scheme", default="SA1-BS", help="what is trained (default: SA1-BS)")
    made.add_argument("--width", type=float, default=1.0, help="of the generator (default: 1.0)")
    made.add_argument("--crop", type=int, default=256, help="side in pixels (default: 256)")
    made.add_argument("--batch", type=int, default=1, help="crops per step (default: 1)")
    made.add_argument(
        "--precision",
        choices=("float32", "mixed_bfloat16"),
        default="float32",
        help="of the networks (default: float32)",
    )
    made.add_argument("--vgg", default="none", metavar="FILE", help="weights for schemes with P")
    return made.parse_args()


def make_trainer(arguments):
    """A compiled trainer."""
    from tfdeblur.config import TrainConfig, override
    from tfdeblur.training.build import build_trainer

    settings = {
        "loss.scheme": arguments.scheme,
        "loss.vgg": arguments.vgg,
        "network.width": arguments.width,
        "run.precision": arguments.precision,
    }
    return build_trainer(override(TrainConfig(), settings), total_steps=1000)


def make_bare_step(twin):
    """The same update without the trainer, as a function of an iterator of batches."""
    import tensorflow as tf
    from keras import ops

    from tfdeblur.losses import adversarial

    def scores(image):
        return adversarial.score_per_image(twin.critic(image, training=False))

    def update(optimizer, tape, loss, variables):
        optimizer.apply(tape.gradient(loss, variables), variables)

    def update_critic(sharp, restored):
        alpha = tf.random.uniform(tf.shape(sharp)[:1])
        between = adversarial.interpolate(sharp, restored, alpha)
        with tf.GradientTape() as tape:
            real, fake = tf.split(scores(tf.concat([sharp, restored], 0)), 2)
            with tf.GradientTape() as inner:
                inner.watch(between)
                middle = scores(between)
            gradients = inner.gradient(middle, between)
            loss = adversarial.critic_real_fake(real, fake)
            loss += adversarial.penalty_from_gradients(gradients, twin.gradient_penalty)
            loss = tf.reduce_mean(loss)
        update(twin.critic_optimizer, tape, loss, twin.critic.trainable_variables)

    @tf.function
    def step(iterator):
        blurred, sharp = next(iterator)
        with tf.GradientTape() as tape:
            restored = tf.cast(twin.generator(blurred, training=True), tf.float32)
            loss = twin.content_loss.call(sharp, restored)
            if twin.critic is not None:
                with tape.stop_recording():
                    for _ in range(twin.critic_steps):
                        update_critic(sharp, ops.stop_gradient(restored))
                loss += adversarial.generator_adversarial(scores(restored))
            loss = tf.reduce_mean(loss)
        update(twin.optimizer, tape, loss, twin.generator.trainable_variables)
        return loss

    return step


def main():
    """Measures and prints."""
    arguments = read_arguments()
    import tensorflow as tf

    from tfdeblur.evaluation.timing import compare

    batch = picture(arguments.crop, arguments.crop, 2 * arguments.batch)
    pair = tf.constant(batch[: arguments.batch]), tf.constant(batch[arguments.batch :])
    batches = tf.data.Dataset.from_tensors(pair).repeat()
    trainer, twin = make_trainer(arguments), make_trainer(arguments)
    train_function, bare_step = trainer.make_train_function(), make_bare_step(twin)
    for_trainer, for_bare = iter(batches), iter(batches)
    calls = {
        "bare": lambda: float(bare_step(for_bare)),
        "train_step": lambda: float(train_function(for_trainer)["loss"]),
    }
    title = (
        f"{arguments.scheme}, width {arguments.width:g}: training step, "
        f"{arguments.batch} x {arguments.crop}x{arguments.crop}, {arguments.precision}"
    )
    found = compare(calls, repeats=arguments.repeats, warmups=arguments.warmups)
    finish(arguments, [show(title, found, "bare", {"train_step": BAR})])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
