'use strict';
(() => {
  const MOST_HITS = 50;
  const EXCERPT = 200; // characters
  const BEFORE = 60; // of them in front of the first word that was found

  const plain = text => text.toLowerCase();
  const element = (tag, text, properties) =>
    Object.assign(document.createElement(tag), {textContent: text}, properties);

  const query = document.querySelector('#q');
  const list = document.querySelector('#found');
  const count = document.querySelector('#count');
  const pages = window.mlopsIndex.map(page => ({
    ...page,
    title: plain(page.t),
    all: plain(page.t + ' ' + page.x),
  }));

  // The first place from `start` on, before `end`, where one of the words is: [place, length].
  const nextMatch = (text, words, start, end) => words
    .map(word => [text.indexOf(word, start), word.length])
    .filter(([place]) => place >= 0 && place < end)
    .sort((a, b) => a[0] - b[0] || b[1] - a[1])[0] || [end, 0];

  const excerpt = (page, words) => {
    const text = plain(page.x);
    const first = text.indexOf(words.find(word => text.includes(word)) || '');
    const start = Math.max(0, first - BEFORE);
    const end = Math.min(text.length, start + EXCERPT);
    const box = element('p', start ? '… ' : '');
    for (let i = start; i < end;) {
      const [place, length] = nextMatch(text, words, i, end);
      box.append(page.x.slice(i, place));
      if (length) box.append(element('mark', page.x.slice(place, place + length)));
      i = place + length;
    }
    if (page.x.length > start + EXCERPT) box.append(' …');
    return box;
  };

  const card = (page, words) => {
    const item = element('li', '', {className: 'card'});
    const heading = element('h2', '');
    heading.append(element('a', page.t, {href: page.u}));
    item.append(heading, excerpt(page, words), element('p', page.k, {className: 'meta'}));
    return item;
  };

  const search = words => {
    const rank = page => words.filter(word => page.title.includes(word)).length;
    return pages
      .filter(page => words.every(word => page.all.includes(word)))
      .sort((a, b) => rank(b) - rank(a));
  };

  const show = () => {
    const words = plain(query.value.normalize('NFKC')).split(/\s+/).filter(Boolean);
    const hits = words.length ? search(words) : [];
    list.replaceChildren(...hits.slice(0, MOST_HITS).map(page => card(page, words)));
    count.textContent = words.length ? count.dataset.said + hits.length : '';
  };

  query.value = new URLSearchParams(location.search).get('q') || '';
  query.addEventListener('input', show);
  document.querySelector('#unable').hidden = true;
  show();
  query.focus();
})();
