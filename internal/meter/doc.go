// Package meter holds the measuring values that hot paths touch: they are
// plain atomics, do not allocate, and know no metrics library. admin renders
// what Sources emit.
//
// Owns: Histogram, Sample. In: observations. Out: samples, on request.
// Order: an observation is seen by every later Collect. Failure: none.
package meter
