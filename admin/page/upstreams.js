const unfolded = 12; // with more upstreams than that, the healthy ones start folded

// Card is one upstream.
class Card {
  constructor(name) {
    this.root = make('article', 'card');
    const head = this.root.appendChild(make('div', 'card-head'));
    const title = head.appendChild(make('div', 'title'));
    const line = title.appendChild(make('h3', 'name'));
    line.append(make('span', '', name));
    this.state = line.appendChild(make('span', 'chip'));
    this.parked = line.appendChild(chip('parked'));
    this.sub = title.appendChild(make('p', 'sub'));
    const available = head.appendChild(make('div', 'measure'));
    this.available = available.appendChild(make('b'));
    this.total = available.appendChild(make('span'));
    this.track = available.appendChild(make('span', 'bar'));
    this.track.setAttribute('aria-hidden', 'true');
    this.bar = this.track.appendChild(make('i'));
    const waiting = head.appendChild(make('div', 'measure'));
    this.waiting = waiting.appendChild(make('b'));
    waiting.append(' waiting');
    this.waitingBox = waiting;
    const rate = head.appendChild(make('div', 'measure'));
    this.rate = rate.appendChild(make('b'));
    rate.append(' req/s');
    this.fold = head.appendChild(make('button', 'fold'));
    this.fold.type = 'button';
    this.fold.setAttribute('aria-label', 'Peers of ' + name);
    this.fold.append(make('span'));
    this.fold.addEventListener('click', () => {
      this.open = !this.isOpen();
      this.update(this.shown, this.manyThere);
    });
    this.table = undefined; // made when it is first unfolded
    this.open = undefined; // what the user chose
  }

  isOpen() { return this.open ?? (!this.manyThere || this.shown.state === 'down' || this.shown.state === 'degraded'); }

  update(u, manyThere) {
    this.shown = u;
    this.manyThere = manyThere;
    setChip(this.state, u.state);
    this.parked.hidden = !u.parked;
    setData(this.root, 'tone', u.parked ? 'bad' : toneOf(u.state));
    setText(this.sub, describe(u));
    setText(this.available, u.transparent ? '' : number(u.available));
    setText(this.total, u.transparent ? 'no peers of its own' : ' of ' + number(u.total) + ' available');
    setData(this.track, 'empty', u.total ? undefined : '');
    this.bar.style.width = (u.total ? (100 * u.available) / u.total : 0) + '%';
    setText(this.waiting, number(u.waiting));
    setData(this.waitingBox, 'tone', u.waiting ? 'warn' : undefined);
    const rate = traffic.rate(u.name);
    setText(this.rate, rate === undefined ? '–' : rateText(rate));
    const open = this.isOpen();
    this.fold.setAttribute('aria-expanded', String(open));
    if (open && !this.table) this.table = new PeerTable(u.name);
    if (this.table) {
      if (open && !this.table.root.isConnected) this.root.append(this.table.root);
      if (!open) this.table.root.remove();
      if (open) this.table.update(u);
    }
  }

  tick() { if (this.table && this.table.root.isConnected) this.table.tick(); }
}

// describe says how an upstream picks, is probed and is reached.
function describe(u) {
  const parts = [words(u.algo)];
  if (u.check) parts.push(u.check.kind === 'off' ? 'not probed' : u.check.kind + ' probe every ' + milliseconds(u.check.frequency_ms).replace(/\.0+ s$/, ' s'));
  const routes = u.routes.map((r) => (r.host || '*') + r.path);
  if (routes.length > 3) routes.splice(3, routes.length, 'and ' + (routes.length - 3) + ' more');
  if (u.discovery?.stale) parts.push('stale: ' + u.discovery.detail);
  if (u.draining?.length) parts.push(u.draining.length + ' draining');
  parts.push(routes.length ? routes.join(', ') : 'no route leads here');
  return parts.filter(Boolean).join('  ·  ');
}

const upstreams = {
  cards: new Map(),
  list: [],
  unwell: false,
  text: '',

  show(list) {
    const badness = { down: 0, degraded: 1, pending: 2, healthy: 3 };
    const rank = (u) => (u.parked ? 0 : badness[u.state] ?? 2);
    this.list = [...list].sort((a, b) => rank(a) - rank(b)); // stable: by name within
    this.render();
  },

  render() {
    const cards = new Map();
    const shown = [];
    const many = this.list.length > unfolded;
    for (const u of this.list) {
      const card = this.cards.get(u.name) || new Card(u.name);
      cards.set(u.name, card);
      card.update(u, many);
      if (this.fits(u)) shown.push(card.root);
    }
    this.cards = cards;
    place($('upstreams'), shown);
    const empty = $('upstreams-empty');
    empty.hidden = shown.length > 0;
    if (!this.list.length) setText(empty, 'No upstreams yet. They appear here as soon as the configuration names one.');
    else if (this.text) setText(empty, 'No upstream, peer or reason has “' + this.text + '” in it.');
    else setText(empty, 'Every upstream is well.');
  },

  fits(u) {
    if (this.unwell && u.state === 'healthy' && !u.parked) return false;
    if (!this.text) return true;
    const has = (text) => text && words(text).toLowerCase().includes(this.text);
    return has(u.name) || u.peers.some((p) => has(p.addr) || has(p.verdict) || (p.reason !== 'ok' && has(p.reason)) || has(p.detail));
  },

  tick() { for (const card of this.cards.values()) card.tick(); },

  begin() {
    $('filter').addEventListener('input', (event) => {
      this.text = words(event.target.value.trim().toLowerCase());
      this.render();
    });
    for (const [id, unwell] of [['show-all', false], ['show-unwell', true]]) {
      $(id).addEventListener('click', () => {
        this.unwell = unwell;
        $('show-all').setAttribute('aria-pressed', String(!unwell));
        $('show-unwell').setAttribute('aria-pressed', String(unwell));
        this.render();
      });
    }
  },
};
