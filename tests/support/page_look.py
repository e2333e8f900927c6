"""What a page or mail in a browser must keep to, whatever the fonts of the machine.

    for look in LOOKS:
        problems = problems_of(browser, url, look, "preferences")   # [] where it is well

Each look is also kept as a PNG in build/test/screenshots. Standard library only.
"""

import base64

from cases import PROJECT_ROOT

SCREENSHOTS = PROJECT_ROOT / "build/test/screenshots"
# Title: width, whether dark.
LOOKS = {"light": (1024, False), "dark": (1024, True), "narrow": (360, False),
         "narrow-dark": (360, True)}

# WCAG 2: contrast of each text against what is painted behind it, in the colours as computed.
_CHECKS = """(() => {
  const problems = [];
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = color => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = color => {
    const [r, g, b] = color.slice(0, 3).map(value => value / 255)
        .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const probe = document.documentElement.appendChild(document.createElement('i'));
  probe.style.background = 'Canvas';
  const bottom = rgba(getComputedStyle(probe).backgroundColor);
  probe.remove();
  const behind = element => {
    for (; element; element = element.parentElement) {
      const color = rgba(getComputedStyle(element).backgroundColor);
      if (color[3] === 255) return color;
      if (color[3] !== 0) problems.push('half transparent: ' + element.outerHTML.slice(0, 80));
    }
    return bottom;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim();
    const element = walker.currentNode.parentElement;
    if (!text || !element.getClientRects().length) continue;
    ++texts;
    const [a, b] = [rgba(getComputedStyle(element).color), behind(element)].map(luminance);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) problems.push(`contrast ${contrast.toFixed(2)}: ${text}`);
    if (parseFloat(getComputedStyle(element).fontSize) < 12) problems.push('tiny: ' + text);
  }
  if (!texts) problems.push('nothing to read');
  for (const element of document.querySelectorAll('a[href], button, input:not([type=hidden])')) {
    const target = element.labels && element.labels.length ? element.labels[0] : element;
    const {width, height} = target.getBoundingClientRect();
    if (Math.min(width, height) < 24) {
      problems.push(`${width.toFixed()}x${height.toFixed()}: ${element.outerHTML.slice(0, 80)}`);
    }
    if (!target.textContent.trim()) problems.push('no label: ' + element.outerHTML);
  }
  for (const image of document.images) {
    if (!image.hasAttribute('alt')) problems.push('no alt: ' + image.outerHTML);
  }
  const headings = [...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]));
  if (headings.filter(level => level === 1).length !== 1) problems.push('not one h1: ' + headings);
  headings.reduce((last, level) => {
    if (level > last + 1) problems.push('a level of headings is missing: ' + headings);
    return level;
  }, 0);
  const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
  if (new Set(ids).size !== ids.length) problems.push('an id twice: ' + ids);
  const room = document.documentElement;
  if (room.scrollWidth > innerWidth) problems.push(`${room.scrollWidth} px in ${innerWidth} wide`);
  if (!room.lang) problems.push('no lang');
  if (!document.title.trim()) problems.push('no title');
  if (document.scripts.length) problems.push('a script');
  for (const entry of performance.getEntriesByType('resource')) {
    if (!(entry.name.startsWith(location.origin) || OWN.some(own => entry.name.startsWith(own)))) {
      problems.push('from elsewhere: ' + entry.name);
    }
  }
  return problems;
})()"""

# The mean brightness of a picture, 0 to 255, and the share of its most frequent colour.
_PIXELS = """(async () => {
  const image = new Image();
  image.src = 'data:image/png;base64,PNG';
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
  canvas.drawImage(image, 0, 0);
  const data = canvas.getImageData(0, 0, image.width, image.height).data;
  const counts = new Map();
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) {
    sum += (data[at] + data[at + 1] + data[at + 2]) / 3;
    const color = data[at] << 16 | data[at + 1] << 8 | data[at + 2];
    counts.set(color, (counts.get(color) || 0) + 1);
  }
  const pixels = data.length / 4;
  return [sum / pixels, Math.max(...counts.values()) / pixels, image.width];
})()"""


def _pixels(browser, path):
    browser.show("about:blank#pixels")
    png = base64.b64encode(path.read_bytes()).decode()
    return browser.run(_PIXELS.replace("PNG", png))


def problems_of(browser, url, look, name, own=(), submit=False):
    """Shows the page so and looks at it, or at what its first button leads to.

    `own`: beginnings of what it may load besides what is its own.
    """
    width, dark = LOOKS[look]
    browser.show(url, width=width, dark=dark)
    if submit:
        browser.run("window.before = true; document.querySelector('button').click()")
        browser.wait_for("!window.before && document.readyState === 'complete'")
    problems = browser.run(_CHECKS.replace("OWN", str(list(own))))
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}-{look}.png"
    browser.screenshot(path)
    brightness, uniform, shown_width = _pixels(browser, path)
    if shown_width != width:
        problems.append(f"the picture is {shown_width} px wide")
    if (brightness > 64) if dark else (brightness < 192):
        problems.append(f"brightness {brightness:.0f} of 255")
    if not 0.5 < uniform < 0.999:
        problems.append(f"{uniform:.3f} of the picture is one colour")
    return [f"{name} {look}: {problem}" for problem in problems]
