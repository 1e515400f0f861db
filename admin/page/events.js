const eventsKept = 200;

// events is the list of what happened, newest first.
const events = {
  seen: new Set(), // ids
  waiting: [], // to be shown in the next frame
  flips: 0,
  lastFlip: undefined,
  spoken: [],
  settled: false, // past events were shown; what comes now is news

  add(type, event) {
    if (event.id) {
      if (this.seen.has(event.id)) return;
      this.seen.add(event.id);
    }
    if (isFlip(event)) {
      this.flips++;
      this.lastFlip = event.time;
    }
    this.waiting.push([type, event]);
    if (this.waiting.length > eventsKept) this.waiting.shift();
    if (this.frame === undefined) this.frame = requestAnimationFrame(() => this.render());
  },

  lost(count) {
    this.add('lost', { note: plural(count, 'event') + ' did not reach this page: it was too slow.' });
  },

  settle() {
    if (this.settled) return;
    this.render();
    this.settled = true;
  },

  render() {
    cancelAnimationFrame(this.frame);
    this.frame = undefined;
    const list = $('events');
    const items = [];
    for (const [type, event] of this.waiting.reverse()) {
      const item = eventItem(type, event);
      if (this.settled) item.classList.add('fresh');
      items.push(item);
    }
    if (this.settled) this.speak(this.waiting);
    this.waiting = [];
    if (items.length) list.prepend(...items);
    while (list.childElementCount > eventsKept) list.lastElementChild.remove();
    if (this.seen.size > 5000) this.seen = new Set([...this.seen].slice(-2000)); // a Set keeps the order
    $('events-empty').hidden = list.childElementCount > 0;
    this.tick();
  },

  tick() {
    setText($('sum-flips'), number(this.flips));
    setText($('sum-lastflip'), this.lastFlip ? 'last ' + since(this.lastFlip) + ' ago' : 'none seen');
  },

  // speak tells screen readers of flips, many of them in one sentence.
  speak(batch) {
    for (const [, e] of batch) if (isFlip(e)) this.spoken.push(e);
    if (!this.spoken.length || this.speaking) return;
    this.speaking = setTimeout(() => {
      this.speaking = undefined;
      const flips = this.spoken.splice(0);
      setText($('announce'), flips.length > 3 ? plural(flips.length, 'flip') :
        flips.map((e) => e.upstream + ' ' + e.peer + ' is ' + e.to + (e.to === 'unhealthy' ? ', ' + words(e.reason) : '')).join('. '));
    }, 1500);
  },
};

const isFlip = (event) => Boolean(event.from && event.to && event.peer);

// eventItem shows an event of any type; what a type does not have is left out.
function eventItem(type, e) {
  const item = make('li');
  const time = item.appendChild(make('time', '', e.time ? timeOfDay(e.time).split(' ').pop() : ''));
  if (e.time) {
    time.dateTime = e.time;
    time.title = timeOfDay(e.time);
  }
  const what = item.appendChild(make('p', 'what'));
  if (e.note) what.append(e.note);
  else if (e.upstream) {
    what.append(make('b', '', e.upstream));
    if (e.peer) what.append(' ', make('span', 'addr', e.peer));
  } else what.append(make('b', '', e.actor || e.name || e.file || e.member || type));
  const turn = make('p', 'turn');
  if (e.from && e.to) turn.append(chip(e.from), make('span', 'arrow', '→'), chip(e.to));
  else if (!e.note) {
    const change = turn.appendChild(chip(e.change || type.split('.').pop()));
    if (type.includes('.discovery.')) change.prepend('discovery ');
  }
  if (e.from && e.held_s > 0) turn.append(make('span', 'muted', 'after ' + duration(e.held_s * 1000)));
  else if (e.peers !== undefined && e.available !== undefined) turn.append(make('span', 'muted', e.available + ' of ' + e.peers + ' available'));
  if (turn.childElementCount) item.append(turn);
  const why = [e.reason === 'ok' ? '' : words(e.reason), e.detail].filter(Boolean).join(': ');
  if (why) item.appendChild(make('p', 'text', why)).title = why;
  return item;
}
