import { SaxesParser } from "saxes";

/** An element of an answer, without its attributes. */
export interface Element {
  readonly name: string;
  readonly text: string;
  readonly children: readonly Element[];
}

/** An object as a list names it. */
export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
}

/** A part of a list. */
export interface ListPage {
  readonly objects: readonly ListedObject[];
  /** What asks for the next part; `null` at the end. */
  readonly next: string | null;
}

/** An upload that was begun and has no end yet. */
export interface OpenUpload {
  readonly key: string;
  readonly id: string;
  /** By the service's clock, in milliseconds; NaN when it does not say. */
  readonly begunAt: number;
}

/** Deeper than any answer that we ask for. */
const deepest = 16;

/**
 * Reads an answer's XML. What is not well-formed is refused; no entity is looked up but XML's own five.
 *
 * @throws {Error} with what is wrong
 */
export function parseAnswer(text: string): Element {
  const parser = new SaxesParser();
  const open: { name: string; text: string; children: Element[] }[] = [{ name: "", text: "", children: [] }];
  let wrong: Error | undefined;
  parser.on("error", (error) => wrong ??= error);
  parser.on("doctype", () => wrong ??= new Error("it has a DOCTYPE"));
  parser.on("opentag", ({ name }) => {
    if (open.length > deepest) wrong ??= new Error("it is nested too deeply");
    open.push({ name, text: "", children: [] });
  });
  parser.on("text", (piece) => open.at(-1)!.text += piece);
  parser.on("cdata", (piece) => open.at(-1)!.text += piece);
  parser.on("closetag", () => {
    const element = open.pop()!;
    open.at(-1)?.children.push(element);
  });
  parser.write(text).close();
  const [root] = open[0]?.children ?? [];
  if (wrong !== undefined || root === undefined) throw wrong ?? new Error("it is empty");
  return root;
}

/** Returns the text of the first child of a name; "" without one. */
export function textOf(element: Element, name: string): string {
  return element.children.find((child) => child.name === name)?.text ?? "";
}

/**
 * Reads a part of a list of objects (ListObjectsV2).
 *
 * @throws {Error} when the answer is another one
 */
export function parseListPage(text: string): ListPage {
  const root = rooted(text, "ListBucketResult");
  const decode = decoder(root);
  const objects = root.children.filter(({ name }) => name === "Contents").map((each) => {
    const size = textOf(each, "Size");
    if (!/^\d{1,15}$/.test(size)) throw new Error("it lists an object without a size");
    return { key: decode(textOf(each, "Key")), bytes: Number(size) };
  });
  const isCut = textOf(root, "IsTruncated") === "true";
  const next = textOf(root, "NextContinuationToken");
  if (isCut && next === "") throw new Error("it has more, and does not say how to ask for it");
  return { objects, next: isCut ? next : null };
}

/** Reads a list of uploads that were begun (ListMultipartUploads). */
export function parseUploads(text: string): readonly OpenUpload[] {
  const root = rooted(text, "ListMultipartUploadsResult");
  const decode = decoder(root);
  return root.children.filter(({ name }) => name === "Upload").map((each) => ({
    key: decode(textOf(each, "Key")),
    id: textOf(each, "UploadId"),
    begunAt: Date.parse(textOf(each, "Initiated")),
  }));
}

/** Reads the id of an upload that was just begun. */
export function parseUploadId(text: string): string {
  const id = textOf(rooted(text, "InitiateMultipartUploadResult"), "UploadId");
  if (id === "") throw new Error("it has no id");
  return id;
}

/** Makes sure that an upload was completed: the service sends its failure with status 200, too. */
export function requireCompleted(text: string): void {
  rooted(text, "CompleteMultipartUploadResult");
}

/** Returns the code of an error's answer, such as `NoSuchBucket`; `null` when it has none. */
export function errorCode(text: string): string | null {
  try {
    const code = textOf(rooted(text, "Error"), "Code");
    return /^[A-Za-z0-9.]{1,60}$/.test(code) ? code : null;
  } catch {
    return null;
  }
}

/** Returns the request that completes an upload of these parts, by the tags that the service gave them. */
export function renderParts(tags: readonly string[]): string {
  const escape = (text: string) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
  const parts = tags.map((tag, index) =>
    `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escape(tag)}</ETag></Part>`
  );
  return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${
    parts.join("")
  }</CompleteMultipartUpload>`;
}

function rooted(text: string, name: string): Element {
  const root = parseAnswer(text);
  if (root.name !== name) throw new Error(`it is ${root.name} instead of ${name}`);
  return root;
}

/** Keys are asked for as URLs write them: XML has no form for some of their letters. */
function decoder(root: Element): (key: string) => string {
  if (textOf(root, "EncodingType") !== "url") return (key) => key;
  return (key) => {
    try {
      return decodeURIComponent(key.replaceAll("+", " "));
    } catch {
      return key;
    }
  };
}
