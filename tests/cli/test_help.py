"""`--help` of every command: complete, and at once, because no framework is loaded."""

import contextlib
import io
import re
import subprocess
import sys

import pytest
from PIL import Image

from tfdeblur.cli.main import COMMANDS, build_parser, main

NAMES = [module.__name__.removesuffix(".command").rpartition(".")[2] for module in COMMANDS]

SHOW_HELP = """
import sys
from tfdeblur.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
heavy = {"tensorflow", "keras", "cv2", "numpy", "h5py"} & set(sys.modules)
sys.exit(f"code {code}, loaded {sorted(heavy)}" if code or heavy else 0)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([n, "--help"] for n in NAMES)])
def test_help_loads_no_framework(arguments):
    done = subprocess.run(
        [sys.executable, "-c", SHOW_HELP, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and "tfdeblur" in done.stdout


def test_console_script_and_module_are_the_same_command():
    command = [sys.executable, "-m", "tfdeblur.cli.main", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert all(f"\n    {name}" in done.stdout for name in NAMES), done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_help_names_examples_and_describes_every_option(name, capsys):
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args([name, "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0 and f"tfdeblur {name} " in text.partition("options:")[2]
    parser = next(
        action.choices[name] for action in build_parser()._actions if action.choices is not None
    )
    assert [action.dest for action in parser._actions if not action.help] == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nosuchcommand"],
        ["deblur"],
        ["deblur", "x.png", "--model", "m"],
        ["deblur", "--out", "o", "--model", "m"],
        ["deblur", "x.png", "--out", "o", "--model", "m", "--format", "gif"],
        ["deblur", "x.png", "--out", "o", "--model", "m", "--passes", "0"],
        ["deblur", "x.png", "--out", "o", "--model", "m", "--tile", "-1"],
        ["deblur", "x.png", "--out", "o", "--model", "m", "--memory-budget", "much"],
        ["deblur", "x.png", "--out", "o", "--model", "m", "--flow-format", "tif"],
        ["deblur", "x.png", "--out", "o", "--model", "m", "--no-such-option"],
        ["deblur", "x.png", "--out", "o", "--compare", "--compare-at", "3"],
        ["deblur", "x.png", "--out", "o", "--compare", "--compare-at", "3,-1"],
        ["deblur", "x.png", "--out", "o", "--compare-at", "3,4"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    first, second = capsys.readouterr().err.splitlines()
    program = "tfdeblur deblur" if arguments[:1] == ["deblur"] else "tfdeblur"
    assert end.value.code == 2 and first.startswith(f"{program}: error: ")
    assert second == f"see {program} --help"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["deblur", "--modell=m"], "tfdeblur deblur: error: unrecognized arguments: --modell=m. "),
        (["deblur", "--modell", "m"], "unrecognized arguments: --modell. Did you mean --model?\n"),
        (["data", "average", "f", "--cuont", "8"], "average: error: unrecognized arguments: "),
        (["serve", "--model-name", "m"], "Did you mean --model_name?"),
        (["deblur", "--zzz"], "unrecognized arguments: --zzz\n"),
        (["deblur", "--tile", "abc"], "argument --tile: must be a whole number, not 'abc'"),
        (["data", "average", "f", "--gamma", "-1"], "--gamma: must be a number above 0, not -1"),
        (["experiment", "deep-prior", "--rate", "x"], "--rate: must be a number above 0, not x"),
    ],
)
def test_what_is_misspelt_is_named_with_the_nearest(arguments, says, capsys):
    needed = {"deblur": ["x.png", "--out", "o"], "serve": ["--model_base_path", "d"]}
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args([*arguments, *needed.get(arguments[0], ["--out", "o"])])
    assert end.value.code == 2 and says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("deblur x.png -o out", "unrecognized arguments: -o out. Did you mean --out?"),
        ("deblur x.png --output out", "arguments: --output out. Did you mean --out?"),
        ("evaluate pairs", "unrecognized arguments: pairs. Did you mean --data pairs?"),
        ("evaluate biskip", "unrecognized arguments: biskip. Did you mean --model biskip?"),
        ("train pairs", "unrecognized arguments: pairs. Did you mean --data pairs?"),
        ("deblur --output out", "unrecognized arguments: --output. Did you mean --out?"),
        ("serve --model_base_pth d", "--model_base_pth d. Did you mean --model_base_path?"),
        ("deblur x.png", "the following arguments are required: --out"),
        ("debulr", "tfdeblur: error: no command 'debulr'. Did you mean deblur?"),
        ("data averge f", "tfdeblur data: error: no command 'averge'. Did you mean average?"),
        ("deblur x.png --out o --preset maxin", "Did you mean maxim? There are: biskip, "),
        ("evaluate --data d --preset biskp", "Did you mean biskip? There are: biskip, "),
        ("export --root o --preset MAXIM", "Did you mean maxim? There are: biskip, "),
        ("train --data d --run r --preset smal", "). Did you mean small?"),
        ("deblur x.png --out o --format pgn", "'png', 'jpeg'). Did you mean png?"),
        ("deblur x.png --out o --format webp", "(choose from 'keep', 'png', 'jpeg')\n"),
        ("data small.jpg", "no command 'small.jpg': there are synthesize, average, degrade, "),
        ("small.jpg", "To restore it: tfdeblur deblur small.jpg --out .\n"),
        ("clip.MOV", "To restore it: tfdeblur deblur clip.MOV --out .\n"),
        ("photos", "To restore it: tfdeblur deblur photos --out restored/\n"),
    ],
)
def test_what_was_meant_is_told(arguments, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    with pytest.raises(SystemExit, match="2"):
        main(arguments.split())
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("deblur holiday --out o --model runs/frist", "Did you mean runs/first?"),
        (
            "deblur holidays/ --out o --model runs/first",
            "such file or folder. Did you mean holiday?",
        ),
        ("deblur x --out o --known-flow flow", "Did you mean flows?"),
        ("evaluate --data pair", "There is no such folder (/"),
        ("evaluate --data pair", "pair). Did you mean pairs?"),
        ("evaluate --data ./pair", "pair). Did you mean pairs?"),
        ("evaluate --data pairs --outputs a=outptu", "Did you mean output?"),
        ("train --data pair --run new", "Did you mean pairs?"),
        ("train --model sen --data ./pair --run new", "Did you mean pairs?"),
        ("data check pair", "Did you mean pairs?"),
        ("data synthesize holidays --out new", "Did you mean holiday?"),
        ("presets biskp", "Did you mean biskip? There are: biskip, "),
    ],
)
def test_a_path_that_is_near_is_told(arguments, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for folder in ("holiday", "runs/first", "pairs/blur", "pairs/sharp", "flows", "output"):
        (tmp_path / folder).mkdir(parents=True)
        Image.new("RGB", (16, 16)).save(tmp_path / folder / "1.png")
    (tmp_path / "runs/first/generator.keras").touch()
    assert main(arguments.split()) in (3, 4)
    assert says in capsys.readouterr().err


def help_of(*arguments):
    with pytest.raises(SystemExit) as end, contextlib.redirect_stdout(io.StringIO()) as shown:
        build_parser().parse_args([*arguments])
    assert end.value.code == 0
    return shown.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_help_is_short_and_help_all_is_whole(name):
    short, whole = help_of(name, "--help"), help_of(name, "--help-all")
    parser = next(
        action.choices[name] for action in build_parser()._actions if action.choices is not None
    )
    options = {one.option_strings[-1] for one in parser._actions if one.option_strings}
    assert {one for one in options if one not in whole} == set()
    assert {one for one in options if one not in short} == set()  # named, if not described
    assert short == whole or len(short) < 0.7 * len(whole)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("evaluate", "--data --split --json --html"),
        ("request", "--target --model --wait"),
        ("serve", "--model_base_path --model_name --port"),
    ],
)
def test_help_describes_what_is_used_most(name, options):
    short = help_of(name, "--help")
    described, _, further = short.partition("further options")
    for option in options.split():
        assert f"\n  {option} " in described and f" {option}," not in further
    first = short.partition("\n\n")[2].partition("\n\n")[0]
    assert first.endswith(".")


def test_help_names_the_smallest_tiles():
    from tfdeblur.image.tiling import smallest_tile
    from tfdeblur.networks import Maxim
    from tfdeblur.networks.folding import overlap_of

    usual, maxim = smallest_tile(), smallest_tile(Maxim.size_multiple)
    folded = [smallest_tile(8 * cells, overlap_of(cells)) for cells in (2, 4)]
    says = f"{usual} or more, of MAXIM {maxim}, of networks that fold 2x2 pixels into one "
    for command in ("deblur", "evaluate"):
        text = " ".join(help_of(command, "--help-all").split())
        assert f"{says}{folded[0]}, 4x4 {folded[1]}" in text


def test_help_of_serve_says_what_must_be_given():
    needed = "(--model_base_path DIR | --model_config_file FILE)"
    assert help_of("serve", "--help").startswith(f"usage: tfdeblur serve [options] {needed}\n")


@pytest.mark.parametrize("name", NAMES)
def test_examples_go_on_in_lines_of_their_own(name):
    """A backslash in a text of several lines joins two of them, unless there are two."""
    joined = re.compile(r"tfdeblur \S.*\S {4,}--")
    assert not [line for line in help_of(name, "--help-all").splitlines() if joined.search(line)]


def test_help_of_deblur_fits_two_screens():
    short, whole = help_of("deblur", "--help"), help_of("deblur", "--help-all")
    assert short.count("\n") <= 60 < whole.count("\n")
    assert short.startswith("usage: tfdeblur deblur [options] --out DIR INPUT ...\n")
    assert "  videos: --video-codec, --video-quality\n" in short and "constant rate" not in short
    assert "tfdeblur deblur photo.jpg --out" in short and "what is kept:" not in short
    assert "constant rate factor" in whole and "what is kept:" in whole


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", ["deblur", "train", "evaluate", "export", "request"])
def test_help_is_as_wide_as_the_terminal_but_for_commands_and_choices(
    command, columns, monkeypatch, capsys
):
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit):
        build_parser().parse_args([command, "--help"])
    text = capsys.readouterr().out.partition("examples:")[0]
    long = [line for line in text.splitlines() if len(line) > columns]
    assert not [line for line in long if "{" not in line]
