'use strict';
// Text comes from outside (names, details, reasons) and goes into the document
// as text only; there is no markup made of strings anywhere in these files.

const $ = (id) => document.getElementById(id);

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// Writing what is there already would cost a layout, so all writes look first.
function setText(node, text) {
  text = String(text);
  if (node.textContent !== text) node.textContent = text;
}

function setData(node, key, value) {
  if (value === undefined || value === null) delete node.dataset[key];
  else if (node.dataset[key] !== value) node.dataset[key] = value;
}

// place makes the children of parent be exactly nodes, in order, and moves only those that must move.
function place(parent, nodes) {
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

const clock = {
  skew: 0, // of the server's clock, in ms
  now() { return Date.now() + this.skew; },
  learn(header) {
    const skew = Date.parse(header) - Date.now();
    if (!Number.isNaN(skew)) this.skew = Math.abs(skew) < 2000 ? 0 : skew; // the header has seconds
  },
};

function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return s + 's';
  const m = Math.floor(s / 60);
  if (m < 60) return m + 'm';
  const h = Math.floor(m / 60);
  if (h < 24) return h + 'h' + (m % 60 ? ' ' + (m % 60) + 'm' : '');
  const d = Math.floor(h / 24);
  return d + 'd' + (h % 24 ? ' ' + (h % 24) + 'h' : '');
}

const since = (time) => duration(clock.now() - Date.parse(time));

function timeOfDay(text) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return '';
  const pad = (n) => String(n).padStart(2, '0');
  const day = pad(time.getHours()) + ':' + pad(time.getMinutes()) + ':' + pad(time.getSeconds());
  if (time.toDateString() === new Date(clock.now()).toDateString()) return day;
  return pad(time.getMonth() + 1) + '-' + pad(time.getDate()) + ' ' + day;
}

const grouped = new Intl.NumberFormat('en-US');
const shortened = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

const number = (n) => (n < 100000 ? grouped.format(n) : shortened.format(n));

function rateText(perSecond) {
  if (perSecond >= 1000) return shortened.format(perSecond);
  return perSecond >= 100 ? perSecond.toFixed(0) : perSecond.toFixed(1);
}

function milliseconds(ms) {
  if (ms >= 1000) return (ms / 1000).toFixed(ms < 10000 ? 2 : 1) + ' s';
  return (ms < 10 ? ms.toFixed(1) : ms.toFixed(0)) + ' ms';
}

const plural = (n, one, many) => grouped.format(n) + ' ' + (n === 1 ? one : many || one + 's');

// words makes a code readable: connect_refused -> connect refused.
const words = (code) => String(code || '').replaceAll('_', ' ');

function toneOf(word) {
  switch (word) {
    case 'healthy': case 'recovered': case 'restarted': return 'good';
    case 'degraded': case 'unproven': case 'disputed': return 'warn';
    case 'unhealthy': case 'down': case 'parked': case 'failed': case 'crashed': return 'bad';
  }
  return 'quiet';
}

function chip(word) {
  const node = make('span', 'chip', words(word));
  node.dataset.tone = toneOf(word);
  return node;
}

function setChip(node, word) {
  setText(node, words(word));
  setData(node, 'tone', toneOf(word));
}

// sparkline draws values from the left to the right, zero at the bottom.
function drawLine(polyline, values, width, height) {
  const most = Math.max(...values, 0.001);
  const step = width / Math.max(values.length - 1, 1);
  polyline.setAttribute('points', values.map((v, i) => (i * step).toFixed(1) + ',' + (height - (v / most) * height).toFixed(1)).join(' '));
}
