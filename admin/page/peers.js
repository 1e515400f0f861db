const fewPeers = 12; // shown of an upstream until all are asked for
const probesDrawn = 24;

// PeerRow is the row of one peer. It lives as long as the peer is listed, and
// writes only what changed.
class PeerRow {
  constructor() {
    this.root = make('tr');
    this.addr = this.cell('t-addr');
    this.name = this.addr.appendChild(make('span', 'addr'));
    this.tag = this.addr.appendChild(make('span', 'tag'));
    const verdict = this.cell('t-verdict');
    this.verdict = verdict.appendChild(make('span', 'chip'));
    this.since = verdict.appendChild(make('span', 'since'));
    const why = this.cell('t-why').appendChild(make('span', 'why'));
    this.reason = why.appendChild(make('b'));
    this.detail = why.appendChild(make('span'));
    this.why = why;
    this.flight = this.cell('num t-flight', 'In flight');
    this.requests = this.cell('num t-requests', 'Requests');
    this.failures = this.cell('num t-failures', 'Failed');
    const probe = this.cell('num t-probe', 'Last probe').appendChild(make('span', 'probe'));
    this.probe = probe;
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('class', 'spark');
    svg.setAttribute('viewBox', '0 0 44 16');
    svg.setAttribute('aria-hidden', 'true');
    this.line = svg.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'polyline'));
    probe.append(svg);
    this.took = probe.appendChild(make('span'));
    this.probes = [];
    this.probedAt = undefined;
    this.before = undefined; // the verdict shown so far
  }

  cell(className, label) {
    const node = make('td', className);
    if (label) node.dataset.label = label;
    return this.root.appendChild(node);
  }

  update(p) {
    setText(this.name, p.addr);
    const tags = [];
    if (p.weight !== 1) tags.push('weight ' + p.weight);
    if (p.tier !== 0) tags.push('tier ' + p.tier);
    if (p.remembered) tags.push('remembered');
    setText(this.tag, tags.join(' · '));
    setChip(this.verdict, p.verdict);
    this.sinceTime = p.since;
    this.tick();
    const reason = p.reason && p.reason !== 'ok' ? words(p.reason) : '';
    setText(this.reason, reason || (!p.available && p.verdict !== 'unhealthy' ? 'not used yet' : ''));
    setText(this.detail, p.detail ? (this.reason.textContent ? ': ' : '') + p.detail : '');
    const full = this.why.textContent;
    if (this.why.title !== full) this.why.title = full;
    setData(this.root, 'plain', full ? undefined : '');
    setText(this.flight, number(p.in_flight));
    setText(this.requests, number(p.requests));
    setText(this.failures, number(p.failures));
    setData(this.root, 'available', p.available ? 'yes' : 'no');
    this.updateProbe(p.last_probe);
    if (this.before !== undefined && this.before !== p.verdict) this.flash();
    this.before = p.verdict;
  }

  updateProbe(probe) {
    if (!probe) {
      setText(this.took, '–');
      return;
    }
    if (probe.at === this.probedAt) return;
    this.probedAt = probe.at;
    this.probes.push(probe.took_ms);
    if (this.probes.length > probesDrawn) this.probes.shift();
    if (this.probes.length > 1) drawLine(this.line, this.probes, 44, 16);
    setText(this.took, milliseconds(probe.took_ms));
    setData(this.root, 'out', probe.code === 'ok' ? undefined : '');
    this.probe.title = 'probed ' + timeOfDay(probe.at) + ', ' + words(probe.code) + (probe.detail ? ': ' + probe.detail : '') +
      (probe.late_ms >= 1 ? ', ' + milliseconds(probe.late_ms) + ' late' : '');
  }

  tick() {
    setText(this.since, this.sinceTime ? since(this.sinceTime) : '');
    if (this.sinceTime && this.sinceShown !== this.sinceTime) {
      this.sinceShown = this.sinceTime;
      this.since.title = 'since ' + timeOfDay(this.sinceTime);
    }
  }

  flash() {
    this.root.classList.remove('flash');
    requestAnimationFrame(() => requestAnimationFrame(() => this.root.classList.add('flash')));
  }
}

// PeerTable shows the peers of one upstream.
class PeerTable {
  constructor(name) {
    this.root = make('div');
    this.table = this.root.appendChild(make('table', 'peers'));
    this.table.append(make('caption', 'hidden', 'Peers of ' + name));
    const row = this.table.appendChild(make('thead')).appendChild(make('tr'));
    for (const [title, className] of [['Peer', 'c-addr'], ['Verdict', 'c-verdict'], ['Reason', 'c-why'],
      ['In flight', 'c-num num'], ['Requests', 'c-num num'], ['Failed', 'c-num num'], ['Last probe', 'c-probe num']]) {
      row.appendChild(make('th', className, title)).scope = 'col';
    }
    this.body = this.table.appendChild(make('tbody'));
    this.none = this.root.appendChild(make('p', 'none'));
    this.more = this.root.appendChild(make('button', 'more'));
    this.more.type = 'button';
    this.all = false;
    this.rows = new Map();
    this.more.addEventListener('click', () => {
      this.all = !this.all;
      this.update(this.shown);
    });
  }

  update(u) {
    this.shown = u;
    let peers = u.peers;
    const many = peers.length > fewPeers;
    if (many) peers = [...peers].sort((a, b) => a.available - b.available); // stable: those out come first
    if (many && !this.all) peers = peers.slice(0, fewPeers);
    const rows = new Map();
    for (const p of peers) {
      const row = this.rows.get(p.addr) || new PeerRow();
      row.update(p);
      rows.set(p.addr, row);
    }
    this.rows = rows;
    place(this.body, [...rows.values()].map((row) => row.root));
    this.table.hidden = peers.length === 0;
    this.none.hidden = peers.length !== 0;
    setText(this.none, u.transparent ? 'It has no peers of its own: each request goes where its Host says.' : u.state === 'pending' ? 'Looking for its peers. Requests wait for the first result.' : 'It has no peers. Requests are answered with 503.');
    this.more.hidden = !many;
    setText(this.more, this.all ? 'Show fewer' : 'Show all ' + plural(u.peers.length, 'peer'));
  }

  tick() { for (const row of this.rows.values()) row.tick(); }
}
