/**
 * Microseconds of the system's monotonic clock, which all processes of a machine share: what one process stamps, another
 * one can subtract from. Asked anew each time: an offset to `performance.now()`, taken once at the start, would be wrong
 * by as long as the process stood still between the two looks, and that was seen to be milliseconds.
 */
export function nowUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}
