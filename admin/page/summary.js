const summary = {
  // upstreamsChanged writes the totals and the one sentence that says how it is.
  show(list) {
    const by = { healthy: 0, degraded: 0, down: 0, pending: 0 };
    const sum = { available: 0, total: 0, waiting: 0, flight: 0, requests: 0, failures: 0, parked: 0 };
    for (const u of list) {
      by[u.state] = (by[u.state] || 0) + 1;
      sum.available += u.available;
      sum.total += u.total;
      sum.waiting += u.waiting;
      sum.parked += u.parked;
      for (const p of u.peers) {
        sum.flight += p.in_flight;
        sum.requests += p.requests;
        sum.failures += p.failures;
      }
    }
    this.say(list.length, by, sum);
    setText($('sum-available'), number(sum.available));
    setText($('sum-peers'), ' of ' + number(sum.total));
    const bar = $('sum-bar');
    bar.style.width = (sum.total ? (100 * sum.available) / sum.total : 0) + '%';
    setData(bar.parentNode, 'empty', sum.total ? undefined : '');
    const rate = traffic.rate('');
    setText($('sum-rate'), rate === undefined ? '–' : rateText(rate));
    drawLine($('sum-trend').firstElementChild, traffic.trend, 100, 20);
    setText($('sum-flight'), number(sum.flight));
    setText($('sum-waiting'), sum.waiting ? number(sum.waiting) + ' waiting' : 'none waiting');
    setText($('sum-failed'), number(sum.failures));
    setText($('sum-requests'), 'of ' + number(sum.requests) + ' sent');
  },

  say(count, by, sum) {
    const [tone, head] = this.headline(count, by, sum);
    setData($('overall'), 'tone', tone);
    setText($('headline'), head);
    const parts = [];
    for (const state of ['down', 'degraded', 'pending', 'healthy']) if (by[state]) parts.push(by[state] + ' ' + state);
    if (sum.parked) parts.push(sum.parked + ' parked');
    setText($('subline'), count > 1 || sum.parked ? parts.join(', ') : '');
    this.title = by.down ? by.down + ' down' : by.degraded ? by.degraded + ' degraded' : '';
  },

  headline(count, by, sum) {
    const some = (n, what) => (count === 1 ? 'The upstream is ' + what : n === count ? 'All ' + count + ' upstreams are ' + what : n + ' of ' + count + ' upstreams ' + (n === 1 ? 'is ' : 'are ') + what);
    if (!count) return ['quiet', 'No upstreams yet'];
    if (by.down) return ['bad', some(by.down, 'down')];
    if (sum.parked) return ['bad', some(sum.parked, 'parked')];
    if (by.degraded) return ['warn', some(by.degraded, 'degraded')];
    if (by.pending) return ['quiet', some(by.pending, 'pending')];
    return ['good', some(count, 'healthy')];
  },

  // statusChanged writes who this is and what does not work as it should.
  showStatus(status) {
    this.status = status;
    this.tick();
    const notices = [];
    if (!status.ready) notices.push(['warn', 'Not ready' + (status.why ? ': ' + status.why : '')]);
    for (const text of status.degraded) notices.push(['warn', 'Degraded: ' + text]);
    for (const h of status.shadowed || []) notices.push(['warn', 'The ' + h.kind + ' ' + h.name + ' of ' + h.layer + ' is not in force: ' + h.detail + '.']);
    for (const r of status.lost_routes) notices.push(['warn', 'Route ' + r.name + ' leads to upstream ' + r.upstream + ', which does not exist: it answers 503.']);
    const shown = notices.slice(0, 8);
    if (notices.length > shown.length) shown.push(['warn', 'and ' + (notices.length - shown.length) + ' more']);
    const key = JSON.stringify(shown);
    if (key !== this.noticed) {
      this.noticed = key;
      place($('notices'), shown.map(([tone, text]) => {
        const node = make('p', 'notice', text);
        node.dataset.tone = tone;
        return node;
      }));
    }
    setText($('nats'), status.nats ? '. Events on NATS at ' + status.nats : '');
  },

  tick() {
    const status = this.status;
    if (!status) return;
    const parts = [['Member ', status.member], ['', status.version], ['up ', since(status.started)]].filter(([, text]) => text);
    const who = $('who');
    if (who.childElementCount !== parts.length) place(who, parts.map(() => {
      const node = make('span');
      node.append(make('span'), make('b'));
      return node;
    }));
    parts.forEach(([lead, text], i) => {
      setText(who.children[i].firstChild, lead);
      setText(who.children[i].lastChild, text);
    });
    document.title = (this.title ? '(' + this.title + ') ' : '') + 'weir' + (status.member ? ' · ' + status.member : '');
  },
};
