"""Make the pictures of the README from a finished run: python docs/pictures.py [results/example]; needs Chromium."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

IMAGES = Path(__file__).parent / "img"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTH = 900
# The card without reasons, rules and side remarks, which the page itself has; the forest as the page shows it.
PARTS = {
    "verdict": r'<section class="card".*?</section>',
    "forest": r'<figure class="plate" id="figure-forest">.*?</figure>',
}
STYLE = (
    f"body {{ max-width: none; width: {WIDTH}px; margin: 0; padding: 10px; }} section.card, .plate {{ margin: 0; }}"
    ".claims p:not(.numbers), h3:has(+ .lines), .lines, .note, .file, details { display: none; }"
    ":root { color-scheme: light; }"
)
MEASURE = "<script>document.title = document.body.scrollHeight</script>"


def main(folder: Path) -> None:
    """Write ``docs/img/verdict.png`` and ``docs/img/forest.png``."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit(f"error: no Chromium on the PATH ({', '.join(BROWSERS)})")
    page = folder / "report.html"
    if not page.is_file():
        sys.exit(f"error: {page}: no such file; make it with `make results`")
    text = page.read_text("utf-8")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    IMAGES.mkdir(exist_ok=True)
    for name, pattern in PARTS.items():
        part = re.search(pattern, text, re.DOTALL)
        if part is None:
            sys.exit(f"error: {page}: has no {name}; the run needs a comparison")
        picture(browser, IMAGES / f"{name}.png", f"<style>{style}{STYLE}</style>{part[0]}")


def picture(browser: str, path: Path, body: str) -> None:
    """Take a picture of a piece of a page, as tall as it is."""
    with tempfile.TemporaryDirectory() as temporary:
        page = Path(temporary) / "part.html"
        page.write_text(f'<!doctype html><meta charset="utf-8"><title></title>{body}{MEASURE}', encoding="utf-8")
        flags = [browser, "--headless", "--no-sandbox", "--hide-scrollbars", f"--user-data-dir={temporary}/profile"]
        size = f"--window-size={WIDTH}"
        seen = subprocess.run([*flags, f"{size},600", "--dump-dom", page.as_uri()], capture_output=True, text=True)
        tall = int(re.search(r"<title>(\d+)</title>", seen.stdout)[1])
        shot = [f"{size},{tall}", f"--screenshot={path}", page.as_uri()]
        subprocess.run([*flags, *shot], capture_output=True, check=True)
    Image.open(path).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path} ({path.stat().st_size // 1000} kB)")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/example"))
