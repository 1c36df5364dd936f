import { setInterval } from "node:timers";
import { formatDuration } from "../../base/quantity.ts";
import { shownText } from "../../base/shown_text.ts";
import type { Sink } from "./sink.ts";
import { placesOf } from "./wrap.ts";

/**
 * The line at the end of a terminal that says what is under way, and goes when anything else is printed. Where nothing
 * can be overwritten it is a line of the log, and seldom.
 */
export interface StatusLine {
  /**
   * Shows how far a piece of work is.
   * @param about Which one: another one is shown at once
   * @param parts What matters most first; as many as fit are shown
   */
  progress(about: string, parts: readonly string[], elapsedMs: number): void;
  /**
   * Shows what is done from now on, and after a while for how long already; not in a log.
   * @param isFree Whether this process can wait until it took a while before it shows it: it does nothing itself
   */
  doing(text: string, isFree: boolean): void;
  /** Takes the line away until there is something new to show. */
  clear(): void;
  /** Shows nothing more of what was under way. */
  end(): void;
}

/** How often a terminal is written to, in milliseconds. */
const drawEveryMs = 100;
/** How long something has to take before it is shown that need not be. */
const patienceMs = 300;
/** How long it has to take before the time is shown, too. */
const timedMs = 2_000;
/** How long something has to take before a log says so, and how often, in milliseconds. */
const logAfterMs = 1_000;
const logEveryMs = 10_000;

export function openStatusLine(sink: Sink, now: () => number): StatusLine {
  return sink.isTerminal ? onTerminal(sink, now) : inLog(sink, now);
}

function inLog(sink: Sink, now: () => number): StatusLine {
  let last = -Infinity;
  return {
    progress: (_about, parts, elapsedMs) => {
      if (elapsedMs < logAfterMs || now() - last < logEveryMs) return;
      last = now();
      sink.write(`${shownText(parts.join(", "))}\n`);
    },
    doing: () => {},
    clear: () => {},
    end: () => {},
  };
}

function onTerminal(sink: Sink, now: () => number): StatusLine {
  /** How many places the line takes that is shown. */
  let places = 0;
  let drawnAt = -Infinity;
  /** What the line is about, and what it says. */
  let shown = "";
  let line = "";
  let work: { readonly text: string; readonly since: number } | null = null;
  let ticker: ReturnType<typeof setInterval> | undefined;

  /** A terminal that became narrower has broken the line into several. */
  function erase(): string {
    const above = Math.max(0, Math.ceil(places / (sink.columns ?? Infinity)) - 1);
    places = 0;
    return `${above === 0 ? "" : `\x1b[${above}A`}\r\x1b[J`;
  }
  function draw(about: string, parts: readonly string[]): void {
    // In the last place some terminals begin a new line.
    const text = fitting(parts.map(shownText), (sink.columns ?? 80) - 1);
    drawnAt = now();
    shown = about;
    if (places > 0 && text === line) return;
    const before = erase();
    places = placesOf(text);
    line = text;
    sink.write(before + text);
  }
  function tick(): void {
    if (work === null) return;
    const ms = now() - work.since;
    if (ms < patienceMs) return;
    draw(work.text, [work.text, ...ms < timedMs ? [] : [formatDuration(Math.round(ms / 1_000) * 1_000)]]);
  }
  function clear(): void {
    if (places > 0) sink.write(erase());
    shown = "";
  }

  return {
    clear,
    progress: (about, parts) => {
      work = null;
      if (about !== shown || now() - drawnAt >= drawEveryMs) draw(about, parts);
    },
    doing: (text, isFree) => {
      work = { text, since: now() };
      if (!isFree) draw(text, [text]);
      ticker ??= setInterval(tick, patienceMs).unref();
    },
    end: () => {
      work = null;
      clear();
    },
  };
}

/** Returns as many parts as a line has places for, the first one in any case. */
function fitting([first = "", ...rest]: readonly string[], width: number): string {
  let line = first;
  for (const part of rest) {
    if (placesOf(`${line}, ${part}`) > width) break;
    line = `${line}, ${part}`;
  }
  if (placesOf(line) <= width) return line;
  const letters = [...line];
  while (letters.length > 0 && placesOf(`${letters.join("")}…`) > width) letters.pop();
  return `${letters.join("")}…`;
}
