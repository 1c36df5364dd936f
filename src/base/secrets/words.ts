/** How options, settings, columns and arguments are called that are secrets: only the end of it. What is of one, as its type, is none. */
export const called = String
  .raw`(?:pass(?:word|wd|phrase|code)|secret|token|(?:api|access|private)_?key)(?!_(?:id|kind|name|policy|scope|state|status|type)\b)\w{0,40}`;
