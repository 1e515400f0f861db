// live keeps the page up to date: it asks for the state every two seconds and
// after each event, and holds the stream of events open.
const live = {
  pollEvery: 2000,
  soon: 150, // after an event; more events within that time share one look
  silence: 40000, // the server speaks every 15 s
  lastGood: 0,
  lastEvent: '',
  streaming: false,

  begin() {
    upstreams.begin();
    this.resume();
    setInterval(() => {
      summary.tick();
      upstreams.tick();
      events.tick();
      this.tell();
    }, 1000);
    // A page that nobody sees costs nothing; on return it catches up.
    document.addEventListener('visibilitychange', () => (document.hidden ? this.pause() : this.resume()));
  },

  resume() {
    if (this.cancel) return;
    this.cancel = new AbortController();
    this.look();
    this.listen(this.cancel.signal);
  },

  pause() {
    this.cancel?.abort();
    this.cancel = undefined;
    this.streaming = false;
    clearTimeout(this.timer);
  },

  // look fetches the state; one look at a time.
  async look() {
    clearTimeout(this.timer);
    if (this.looking) {
      this.again = true;
      return;
    }
    this.looking = true;
    const begun = performance.now();
    try {
      const signal = AbortSignal.timeout(10000);
      const [status, list] = await Promise.all([ask('/api/v1/status', signal), ask('/api/v1/upstreams', signal)]);
      traffic.observe(list.upstreams, performance.now());
      summary.show(list.upstreams);
      summary.showStatus(status);
      upstreams.show(list.upstreams);
      this.lastGood = Date.now();
      this.fault = '';
    } catch (error) {
      this.fault = error.message;
    }
    this.looking = false;
    this.tell();
    // A state that is large to fetch and to show is fetched less often.
    this.next(this.again ? this.soon : Math.max(this.pollEvery, 10 * (performance.now() - begun)));
    this.again = false;
  },

  next(ms) {
    clearTimeout(this.timer);
    if (this.cancel) this.timer = setTimeout(() => this.look(), ms);
  },

  // tell says whether what is shown is what is.
  tell() {
    const lost = this.fault && Date.now() - this.lastGood > this.pollEvery;
    const state = lost ? 'lost' : !this.lastGood ? 'connecting' : this.streaming ? 'live' : 'stale';
    const text = { lost: this.lastGood ? 'Disconnected' : 'No answer', connecting: 'Connecting', live: 'Live', stale: 'Reconnecting' }[state];
    setData($('live'), 'state', state);
    setText($('live-text'), text);
    setData($('main'), 'lost', lost ? '' : undefined);
    if (lost) this.mourn();
    else this.notice?.remove();
  },

  mourn() {
    this.notice ??= make('p', 'notice');
    this.notice.dataset.tone = 'bad';
    setText(this.notice, (this.lastGood ? 'weir does not answer. This is how it was at ' + timeOfDay(this.lastGood) + '.' : 'weir does not answer.') +
      ' Trying again. (' + this.fault + ')');
    if (!this.notice.isConnected) $('main').prepend(this.notice);
  },

  // listen follows the events until signal; it connects again and again.
  async listen(signal) {
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.stream(signal, () => {
          failures = 0;
          this.streaming = true;
          this.tell();
        });
      } catch { // the next try or the next look will tell
      }
      if (signal.aborted) return;
      this.streaming = false;
      this.tell();
      await new Promise((done) => setTimeout(done, Math.min(1000 * 2 ** failures, 10000)));
    }
  },

  async stream(signal, opened) {
    const silent = new AbortController();
    let alarm;
    const heard = () => {
      clearTimeout(alarm);
      alarm = setTimeout(() => silent.abort(), this.silence);
    };
    heard();
    try {
      const response = await fetch('/api/v1/events?last=' + eventsKept, {
        cache: 'no-store', signal: AbortSignal.any([signal, silent.signal]),
        headers: this.lastEvent ? { 'Last-Event-ID': this.lastEvent } : {},
      });
      if (!response.ok) throw new Error('status ' + response.status);
      opened();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ''; ;) {
        const { done, value } = await reader.read();
        if (done) return;
        heard();
        const blocks = (text + value).split('\n\n');
        text = blocks.pop();
        for (const block of blocks) this.take(block);
      }
    } finally {
      clearTimeout(alarm);
    }
  },

  // take reads one server-sent event.
  take(block) {
    if (block === ': live') events.settle(); // what comes now is news
    const fields = { data: [] };
    for (const line of block.split('\n')) {
      const colon = line.indexOf(': ');
      if (colon < 1) continue;
      const [name, value] = [line.slice(0, colon), line.slice(colon + 2)];
      if (name === 'data') fields.data.push(value);
      else fields[name] = value;
    }
    if (!fields.data.length) return;
    if (fields.id) this.lastEvent = fields.id;
    let body;
    try {
      body = JSON.parse(fields.data.join('\n'));
    } catch {
      body = { note: fields.data.join('\n') };
    }
    if (fields.event === 'lost') events.lost(body.lost);
    else events.add(fields.event || '', body);
    this.next(this.soon);
  },
};

async function ask(path, signal) {
  const response = await fetch(path, { cache: 'no-store', signal });
  if (!response.ok) throw new Error(path + ' answered ' + response.status);
  clock.learn(response.headers.get('Date'));
  return response.json();
}

live.begin();
