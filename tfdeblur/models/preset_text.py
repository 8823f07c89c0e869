"""The card of a preset in words."""

from tfdeblur.models.preset_card import Card


def card_text(card: Card) -> str:
    """`README.md` of a preset, from its card."""
    lines = [f"# {card['name']}", "", card["description"], ""]
    lines += [
        f"- {card['parameters']:,} parameters, {card['megabytes']:g} MB as float16",
        f"- licence: {', '.join(card['licences'])}",
        "",
        f"    tfdeblur deblur photo.jpg --out restored/ --model {card['name']}",
        "",
    ]
    if "bfloat16_costs_db" in card:
        lines.insert(-3, f"- bfloat16 costs {card['bfloat16_costs_db']:.4f} dB")
    sections = (
        ("What it gains", "gains_db", "{:+.2f} dB"),
        ("Seconds per megapixel", "seconds_per_megapixel", "{:.2f}"),
        ("Arithmetic", "precision", "{}"),
        ("Where it comes from", "source", "{}"),
        ("Training", "training", "{}"),
    )
    for title, key, form in sections:
        if card[key]:
            lines += [f"## {title}", ""]
            lines += [f"- {name}: {form.format(value)}" for name, value in card[key].items()]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"
