() => {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', {willReadFrequently: true});

  function rgba(color) {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  }

  function linear(value) {
    const share = value / 255;
    return share <= .03928 ? share / 12.92 : ((share + .055) / 1.055) ** 2.4;
  }

  // relative luminance, WCAG 2
  function luminance(color) {
    const [red, green, blue] = color.slice(0, 3).map(linear);
    return .2126 * red + .7152 * green + .0722 * blue;
  }

  function background(element) {
    for (let behind = element; behind; behind = behind.parentElement) {
      const color = rgba(getComputedStyle(behind).backgroundColor);
      if (color[3] > 250) return color;
    }
    return [255, 255, 255];
  }

  function hasText(element) {
    return [...element.childNodes].some(
      node => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
  }

  const tooWeak = [];
  for (const element of document.querySelectorAll('body *')) {
    if (element.closest('svg') || !element.getClientRects().length) continue;
    if (!hasText(element)) continue;
    const front = luminance(rgba(getComputedStyle(element).color));
    const back = luminance(background(element));
    const ratio = (Math.max(front, back) + .05) / (Math.min(front, back) + .05);
    if (ratio < 4.5) {
      const text = element.textContent.slice(0, 30);
      tooWeak.push([element.tagName, element.className, text, ratio]);
    }
  }
  return tooWeak;
}
