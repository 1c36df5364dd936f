import { hideInserted, hideUpdated } from "./hide_inserted.ts";
import { behindText, called, gap } from "./words.ts";

/** Stands where a secret stood. */
const mark = "***";

/** A text as SQL writes it; in the text of code its quotes are doubled, unless nothing or a blank is behind them. One may lack its end. */
const quoted = [
  String.raw`e'(?:[^'\\]|''|\\[^])*(?:'|$)`,
  String.raw`(?<quotes>'{2,})(?![\s'])[^]{1,1000}?\k<quotes>(?!')`,
  String.raw`(?:\b(?:u&|n))?'(?:[^']|'')*(?:'|$)`,
  String.raw`(?<tag>\$\w*\$)[^]*?(?:\k<tag>|$)`,
].join("|");

/** What any of the patterns needs to be in a text. Most texts hold none of it. */
const suspicious = /pass|secret|token|key|crypt|hmac|:\/\//i;

/** What stands before a secret, `before`, and the secret itself. None tries a part of a text in more ways than one, nor far: a text may be long. */
const patterns: readonly string[] = [
  // In code: format('… PASSWORD %L', 'x'), '… PASSWORD ' || quote_literal('x')
  String.raw`(?<before>${called}\s+'*%\w*[^']{0,1000}'+)(?<secret>[^;]+)`,
  String.raw`(?<before>${called}\s*'+\s*\|\|\s*\w*\(?\s*)(?<secret>${quoted})`,
  // PASSWORD 'x', OPTIONS (SET password 'x'), password => 'x', app.token TO 'x', create_secret('x', my_password text := 'x'
  String
    .raw`(?<before>${called}(?:(?:\s+\w+){1,2}(?=\s*:=))?(?:"|${gap}|:=|=>?|\(|\bto\b){1,1000})(?<secret>${quoted})`,
  // PASSWORD'x', PASSWORD x
  String
    .raw`(?<before>\b(?:create|alter)\s+(?:role|user|group)\b[^';]{0,400}\bpassword\b${gap}{0,1000})(?<secret>${quoted}|(?!null\b)\w+)`,
  // set_config('app.token', 'x'
  String
    .raw`(?<before>\bset_config${gap}*\(${gap}*'[^']{0,1000}(?:${called}|key)'${gap}*,${gap}*)(?<secret>${quoted})`,
  // crypt('x', gen_salt('bf'))
  String.raw`(?<before>\bcrypt${gap}*\(${gap}*)(?<secret>${quoted})`,
  // pgp_sym_encrypt(a, 'x')
  String
    .raw`(?<before>\b(?:pgp_sym_(?:en|de)crypt(?:_bytea)?|hmac)${gap}*\((?:[^'()]|'[^']{0,1000}'){1,1000},${gap}*)(?<secret>${quoted})`,
  // In JSON: "password": "x"
  String.raw`(?<before>${called}"\s{0,20}:\s{0,20}")(?<secret>(?:[^"\\]|\\[^])+)`,
  // In the text of a connection: password=x, ?authToken=x
  String.raw`(?<before>(?:pass(?:word|wd)|token)\s*=\s*)(?<secret>[^\s'"$:?(][^\s'"]*)`,
  // https://user:x@host; the word itself stands in remedies
  String.raw`(?<before>\w://[^\s'"/@:]{0,1000}:)(?<secret>(?!password@)[^\s'"]{1,1000})(?=@)`,
];

/** The same, made when the first text needs them: it takes a moment. */
let made: readonly RegExp[] | undefined;

/** Returns an SQL statement, or what a server says of one, without the passwords, tokens and keys that it names as such. */
export function hideSecrets(text: string): string {
  return replaced(text, () => {});
}

/** Returns what hides the secrets of a statement in another text, where each may stand without its name: `at or near "x"`. */
export function hiderOf(statement: string): (text: string) => string {
  const secrets = new Set<string>();
  const hidden = replaced(statement, (secret) => secrets.add(secret));
  return (text) => {
    // What stands there as something else, too, is no secret: CREATE ROLE app PASSWORD 'app'.
    const told = [...secrets].filter((each) => each !== "" && text.includes(each) && !hidden.includes(each));
    const places = told.toSorted((a, b) => b.length - a.length).map((each) => {
      const word = each.replaceAll(/[^\w\s]/g, "\\$&");
      // A short one may be any word, and none is a part of one.
      return each.length < 4 ? `(?<=["'])${word}(?=["'])` : `(?<!\\w(?=\\w))${word}(?!(?<=\\w)\\w)`;
    });
    const shown = hideSecrets(text);
    return places.length === 0 ? shown : shown.replaceAll(new RegExp(places.join("|"), "g"), mark);
  };
}

function replaced(text: string, tell: (secret: string) => void): string {
  if (!suspicious.test(text)) return text;
  made ??= patterns.map((pattern) => new RegExp(pattern, "gi"));
  let left = text;
  for (const pattern of made) {
    left = left.replaceAll(pattern, (...found) => {
      const { before, secret } = found.at(-1) as { readonly before: string; readonly secret: string };
      if (secret !== mark) tell(plain(secret));
      return before + mark;
    });
  }
  const hide = (secret: string) => {
    tell(plain(secret));
    return mark;
  };
  return hideUpdated(hideInserted(left, hide), hide);
}

/** Returns what a text of SQL's says. */
function plain(secret: string): string {
  const [, tag = ""] = /^(\$\w*\$)/.exec(secret) ?? [];
  if (tag !== "") return secret.slice(tag.length, -tag.length);
  const end = new RegExp(`'+${behindText}$`, "i");
  return secret.replace(/^(?:e|u&|n)?'+/i, "").replace(end, "").replaceAll("''", "'");
}
