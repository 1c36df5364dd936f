/** Names with dots between them, at the beginning of a text, and what stands behind them. */
export interface DottedName {
  readonly parts: readonly string[];
  readonly rest: string;
}

const part = /\s*(?:"((?:[^"]|"")+)"|([^."=]*[^."=\s]))\s*/y;

/**
 * Reads names as a command line has them: `users.full name`. A name with a dot, an equals sign or a quote in it, or with a
 * blank at an end, stands in double quotes; `null` where there is none.
 */
export function readDottedName(text: string): DottedName | null {
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    part.lastIndex = at;
    const [whole, quoted, bare] = part.exec(text) ?? [];
    if (whole === undefined) return null;
    parts.push(quoted?.replaceAll('""', '"') ?? bare!);
    at += whole.length;
    if (text[at] !== ".") return { parts, rest: text.slice(at) };
    at++;
  }
}

/** Returns names as {@link readDottedName} reads them. */
export function writeDottedName(parts: readonly string[]): string {
  return parts.map((name) => /[."=]|^\s|\s$/.test(name) ? `"${name.replaceAll('"', '""')}"` : name).join(".");
}
