"""Draws the letters that pictures need from DejaVu Sans into src/explain/glyphs.ts: coverage in 16 steps, deflated, in base64.

Pictures then have their text on machines without fonts, and the same bytes everywhere.

Run: python tools/glyphs.py FOLDER-OF-DEJAVU-FONTS
"""

import base64
import pathlib
import sys
import zlib

from PIL import Image, ImageDraw, ImageFont

# The backquote comes last, since the file writes the others between backquotes.
letters = "".join(map(chr, range(32, 127))).replace("`", "") + "".join(map(chr, range(0xA1, 0x100))).replace("\xad", "") + "–—‘’“”…−≤≥∂→□" + "`"
styles = {"title": ("DejaVuSans-Bold.ttf", 18), "body": ("DejaVuSans.ttf", 14), "small": ("DejaVuSans.ttf", 12)}
folder = pathlib.Path(sys.argv[1])

rows = []
for style, (file, size) in styles.items():
    font = ImageFont.truetype(str(folder / file), size)
    ascent, descent = font.getmetrics()
    nibbles, advances = [], []
    for letter in letters:
        width = max(1, round(font.getlength(letter)))
        cell = Image.new("L", (width, ascent + descent), 0)
        ImageDraw.Draw(cell).text((0, 0), letter, fill=255, font=font)
        nibbles += [round(v / 17) for v in cell.tobytes()]
        advances.append(width)
    if len(nibbles) % 2:
        nibbles.append(0)
    packed = bytes(a << 4 | b for a, b in zip(nibbles[::2], nibbles[1::2]))
    text = base64.b64encode(zlib.compress(packed, 9)).decode()
    lines = "\n".join(f"    {text[i:i + 110]}" for i in range(0, len(text), 110))
    rows.append(f"""  {style}: {{
    size: {size},
    ascent: {ascent},
    height: {ascent + descent},
    advances: "{"".join(chr(48 + w) for w in advances)}",
    coverage: `
{lines}`,
  }},""")

target = pathlib.Path(__file__).parent.parent / "src/explain/glyphs.ts"
target.write_text(f'''/**
 * Letters for pictures. Made by tools/glyphs.py.
 *
 * Drawn from DejaVu Sans, whose licence allows it: © 2003 Bitstream, Inc. (Bitstream Vera); DejaVu changes are in the public domain;
 * glyphs imported from Arev fonts are © 2006 Tavmjong Bah.
 */

/** The letters of one size, side by side. */
export interface GlyphSheet {{
  /** Pixels of the font's em. */
  readonly size: number;
  /** Pixels above the base line, and of a whole cell. */
  readonly ascent: number;
  readonly height: number;
  /** Width of each letter: a character whose code is 48 more. */
  readonly advances: string;
  /** Deflated, in base64: for each letter its rows, 4 bits for each pixel. */
  readonly coverage: string;
}}

/** The letters that there are, in the order of the sheets. */
export const glyphLetters: string =
  String.raw`{letters[:-1]}` + "`";

export const glyphSheets: Readonly<Record<"title" | "body" | "small", GlyphSheet>> = {{
''' + "\n".join(rows) + "\n};\n")
print(target.stat().st_size, len(letters))
