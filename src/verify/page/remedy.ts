/** A piece of a remedy: something to paste, or words. */
export interface RemedyPart {
  readonly text: string;
  readonly isCommand: boolean;
}

const quoted = String.raw`'(?:[^']|'')*'|"(?:[^"]|"")*"`;
/** What comes after a command's last word. A word before anything else is the sentence going on. */
const end = String.raw`(?=$|[,;.):](?:\s|$)|\)| --?\w)`;
const value = String.raw`(?:${quoted}|<[^>]*>|…|[^\s,;"'<]*[^\s,;:.)"'<]${end})`;
const argument = String
  .raw`(?:--?[a-z][\w-]*(?:[ =]${value})?|${quoted}|<[^>]*>|[-+]\d+|[^\s,;]*[\/\d][^\s,;:.)]*${end})`;
const own = String
  .raw`harbor-db (?:backup (?:list|verify|prune|copy|delete)|backup|status|upgrade|downgrade|current|history|stamp|adopt|restore|generate|create|drop|squash|check|rebase|verify|schedule)\b(?: ${argument})*`;
const system = String.raw`(?:sudo|rm|chown|chmod|date|dmesg)\b(?: (?:${quoted}|[^\s,;)]*[^\s,;:.)]))*`;
/** To the end of the statement, or of the sentence that it stands in. */
const statement = String
  .raw`(?:SELECT|UPDATE|DELETE FROM|ALTER [A-Z]+|CREATE [A-Z]+|DROP [A-Z]+|REINDEX [A-Z]+|GRANT [A-Z]+|PRAGMA|VACUUM)\b(?:${quoted}|(?!; |;$|\. [A-Z]|, (?:or|and|as) |\.$)[^])*;?`;
const command = new RegExp(
  String.raw`(?<![\w-])(?:${statement}|${own}|${system}|--[a-z][\w-]*(?:[ =]${value})?)`,
  "g",
);

/**
 * Cuts a remedy into what is there to be pasted (commands, options, SQL) and the words around it. Remedies are written
 * for a terminal, as plain text, so that the page has to find out.
 */
export function readRemedy(hint: string): readonly RemedyPart[] {
  const parts: RemedyPart[] = [];
  let at = 0;
  for (const match of hint.matchAll(command)) {
    if (match.index > at) parts.push({ text: hint.slice(at, match.index), isCommand: false });
    parts.push({ text: match[0], isCommand: true });
    at = match.index + match[0].length;
  }
  if (at < hint.length) parts.push({ text: hint.slice(at), isCommand: false });
  return parts;
}
