import { shownLines } from "../../base/shown_text.ts";

/** Text that is markup already, and so is not escaped again. Made by {@link html} only. */
export interface Html {
  readonly markup: string;
}

type Part = Html | string | number | null | readonly Part[];

/**
 * Makes markup of a template. Whatever is put into it is escaped, also what would turn the order of letters round, unless it is markup itself; a list is joined, and
 * `null` is nothing.
 *
 * @example
 * html`<p title="${"a \"b\" & c"}">${list.map((each) => html`<b>${each}</b>`)}</p>`
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { markup: strings.map((text, i) => text + (i < parts.length ? render(parts[i]!) : "")).join("") };
}

function render(part: Part): string {
  if (part === null) return "";
  if (typeof part === "string") return escape(part);
  if (typeof part === "number") return String(part);
  return "markup" in part ? part.markup : part.map(render).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return shownLines(text).replace(/[&<>"']/g, (character) => entities[character]!);
}
