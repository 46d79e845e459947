() => {
  // pixels on the screen: the figure is scaled to the width of the page
  function shownSize(text) {
    const figure = text.ownerSVGElement;
    const shown = figure.getBoundingClientRect().width;
    const drawn = figure.viewBox.baseVal.width;
    return parseFloat(getComputedStyle(text).fontSize) * shown / drawn;
  }

  return [...document.querySelectorAll('.fig text')].map(shownSize);
}
