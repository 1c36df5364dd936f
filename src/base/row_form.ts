import { HarborError } from "./errors.ts";

/**
 * What a column of a row may hold; `?` adds NULL, and a list names the texts that may stand there. `count` is what
 * engines give for a 64-bit integer.
 */
export type ColumnForm =
  | "text"
  | "text?"
  | "integer"
  | "number"
  | "number?"
  | "count"
  | readonly string[];

/** The columns of a row, and what each may hold. */
export type RowForm = Readonly<Record<string, ColumnForm>>;

/** A row of a form. */
export type RowOf<Form extends RowForm> = {
  readonly [Name in keyof Form]: Form[Name] extends readonly (infer Text)[] ? Text
    : Form[Name] extends keyof ValueOf ? ValueOf[Form[Name]]
    : never;
};

interface ValueOf {
  readonly "text": string;
  readonly "text?": string | null;
  readonly "integer": number;
  readonly "number": number;
  readonly "number?": number | null;
  readonly "count": number | bigint | string;
}

/**
 * Returns rows as what they are taken for. What a server answers, or a file holds, may be anything.
 *
 * @param table Names what was read, for the message
 * @throws {HarborError} `not_a_database` when a row is of another form
 */
export function rowsOfForm<const Form extends RowForm>(
  table: string,
  form: Form,
  rows: readonly unknown[],
): RowOf<Form>[] {
  const columns = Object.entries<ColumnForm>(form);
  for (const row of rows) {
    for (const [column, wanted] of columns) {
      const value = (row as Readonly<Record<string, unknown>>)[column];
      if (isOfForm(value, wanted)) continue;
      throw new HarborError(
        "not_a_database",
        `Cannot read "${table}": its column "${column}" holds ${lackOf(wanted)}`,
        {
          hint:
            `Something else than harbor-db wrote there. Look at it, and write the value anew: SELECT * FROM ${table}; or restore a backup: harbor-db backup list`,
          details: { table, column },
        },
      );
    }
  }
  return rows as RowOf<Form>[];
}

function isOfForm(value: unknown, form: ColumnForm): boolean {
  if (typeof form !== "string") return typeof value === "string" && form.includes(value);
  if (form.endsWith("?") && value === null) return true;
  switch (form) {
    case "text":
    case "text?":
      return typeof value === "string";
    case "integer":
      return Number.isSafeInteger(value);
    case "number":
    case "number?":
      return typeof value === "number" && Number.isFinite(value);
    case "count":
      return typeof value === "bigint" || Number.isSafeInteger(value) ||
        (typeof value === "string" && /^-?\d+$/.test(value));
  }
}

function lackOf(form: ColumnForm): string {
  if (typeof form !== "string") return `none of ${form.join(", ")}`;
  if (form.startsWith("text")) return "no text";
  return form.startsWith("number") ? "no number" : "no whole number";
}
