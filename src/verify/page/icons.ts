import type { FindingStatus } from "../../base/finding.ts";
import { type Html, html } from "./html.ts";

/** Shapes that differ also without colour: a tick, a triangle, a cross, a question mark. */
const shapes: Readonly<Record<FindingStatus, Html>> = {
  pass: html`
    <circle cx="12" cy="12" r="11" />
    <path class="mark" d="M6.8 12.6l3.5 3.5 7-7.6" />
  `,
  warn: html`
    <path d="M12 1.8 23.2 21.4H.8z" />
    <path class="mark" d="M12 8.6v6M12 17.9v.2" />
  `,
  fail: html`
    <rect x="1.2" y="1.2" width="21.6" height="21.6" rx="5" />
    <path class="mark" d="M7.6 7.6l8.8 8.8M16.4 7.6l-8.8 8.8" />
  `,
  error: html`
    <path d="M12 .8 23.2 12 12 23.2.8 12z" />
    <path class="mark" d="M9.3 9.6a2.75 2.75 0 1 1 4.2 2.3c-1 .65-1.5 1.1-1.5 2.1M12 16.9v.2" />
  `,
};

/** Returns the sign of a status. */
export function icon(status: FindingStatus): Html {
  return html`<svg class="icon ${status}" viewBox="0 0 24 24" aria-hidden="true">${shapes[status]}</svg>`;
}
