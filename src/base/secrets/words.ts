/** How options, settings, columns and arguments are called that are secrets: only the end of it. What is of one, as its type, is none. */
export const called = String
  .raw`(?:pass(?:word|wd|phrase|code)|secret|token|(?:api|access|private)_?key)(?!_(?:id|kind|name|policy|scope|state|status|type)\b)\w{0,40}`;

/**
 * What may stand between two words of SQL, one blank or one comment, as a part of a pattern. It reads a text in one way alone, and not far:
 * with several ways a row of comments would be tried in every one of them.
 */
export const gap = String.raw`(?:\s|--.*\n|/\*(?:[^*]|\*(?!/)){0,2000}\*/)`;

/** What may stand behind a text that is one of the values of a row: its type, and how it is called there. */
export const behindText = String.raw`(?:\s*::[\w\s()[\],]+)*(?:\s+as\s+(?:"[^"]*"|\w+))?`;
