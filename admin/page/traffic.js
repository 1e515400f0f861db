// traffic makes rates of the peers' counters. It adds up what each peer gained
// between two looks, so that peers that come, go or start anew make no spike.
const traffic = {
  window: 8000, // ms over which a rate is taken
  counts: new Map(), // upstream, peer -> counter
  gained: new Map(), // upstream -> [[time, sum]...]; '' = all
  trend: [],

  observe(upstreams, at) {
    const counts = new Map();
    let all = 0;
    for (const u of upstreams) {
      let gain = 0;
      for (const p of u.peers) {
        const key = u.name + ' ' + p.addr;
        counts.set(key, p.requests);
        const before = this.counts.get(key);
        gain += before === undefined ? 0 : Math.max(0, p.requests - before);
      }
      this.add(u.name, gain, at);
      all += gain;
    }
    this.add('', all, at);
    const there = new Set(upstreams.map((u) => u.name));
    for (const name of this.gained.keys()) if (name && !there.has(name)) this.gained.delete(name);
    this.counts = counts;
    this.trend.push(this.rate('') ?? 0);
    if (this.trend.length > 90) this.trend.shift();
  },

  add(name, gain, at) {
    const points = this.gained.get(name) || [];
    const sum = points.length ? points[points.length - 1][1] + gain : 0;
    points.push([at, sum]);
    while (points.length > 2 && at - points[0][0] > this.window) points.shift();
    this.gained.set(name, points);
  },

  // rate returns requests per second, undefined before the second look.
  rate(name) {
    const points = this.gained.get(name);
    if (!points || points.length < 2) return undefined;
    const [first, last] = [points[0], points[points.length - 1]];
    return last[0] > first[0] ? ((last[1] - first[1]) * 1000) / (last[0] - first[0]) : undefined;
  },
};
