import type { DatabaseSync } from "node:sqlite";
import { seeded } from "./seeded.ts";

/** A table that a writer knows how to change in every way, and what else its schema has. */
export const besideTables: readonly (readonly string[])[] = [
  [
    "CREATE TABLE files (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, name TEXT COLLATE NOCASE, size REAL, kind, n NUMERIC DEFAULT 7 NOT NULL UNIQUE, g TEXT GENERATED ALWAYS AS (lower(name)) VIRTUAL)",
  ],
  [
    "CREATE TABLE files (id INTEGER, uuid TEXT NOT NULL PRIMARY KEY, name TEXT, size REAL, kind, n NUMERIC, UNIQUE (name COLLATE NOCASE, n))",
  ],
  [
    "CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT, name TEXT, size REAL, kind, n INT)",
    "CREATE UNIQUE INDEX of_expressions ON files (lower(uuid), n DESC) WHERE kind IS NOT NULL",
    "CREATE UNIQUE INDEX of_some ON files (name) WHERE n > 5",
    "CREATE TRIGGER after_update AFTER UPDATE ON files BEGIN UPDATE files SET size = size + 1 WHERE id = NEW.id + 1; END",
    "CREATE TRIGGER before_insert BEFORE INSERT ON files BEGIN UPDATE files SET kind = 'b' WHERE id = (SELECT min(id) FROM files); END",
  ],
  [
    "CREATE TABLE files (id INTEGER PRIMARY KEY, uuid TEXT UNIQUE ON CONFLICT REPLACE, name ANY, size REAL, kind ANY, n INTEGER) STRICT",
  ],
  [
    "CREATE TABLE files (id INTEGER PRIMARY KEY, uuid TEXT UNIQUE, name TEXT, size REAL, kind, n INTEGER, parent INTEGER REFERENCES files (id) ON DELETE CASCADE)",
    "CREATE TRIGGER inserted AFTER INSERT ON files BEGIN UPDATE files SET parent = (SELECT max(id) FROM files WHERE id < NEW.id) WHERE id = NEW.id; END",
  ],
];

/** Changes rows as no application does, with every conflict clause: the same for the same seed. */
export function besideWriter(application: DatabaseSync, seed: number): (count: number) => void {
  const { below: upTo, oneOf } = seeded(seed);
  const id = () => upTo(500);
  const word = () => oneOf(["a", "B", "b"]) + upTo(60);
  const value = () =>
    oneOf([
      null,
      upTo(9),
      upTo(5) + 0.5,
      `a${upTo(9)}`,
      `${upTo(9)}`,
      ` b${upTo(4)} `,
      new Uint8Array([upTo(3)]),
    ]);
  const number = () => upTo(3) > 0 ? upTo(20) : upTo(10) + 0.25;

  function change(): void {
    const or = oneOf(["", "OR REPLACE", "OR REPLACE", "OR IGNORE", "OR FAIL", "OR ROLLBACK"]);
    const run = (text: string, ...values: ReturnType<typeof value>[]): void => {
      application.prepare(text).run(...values);
    };
    switch (upTo(8)) {
      case 0:
      case 1:
        return run(
          `INSERT ${or} INTO files (id, uuid, name, size, kind, n) VALUES (?, ?, ?, ?, ?, ?)`,
          ...[upTo(3) > 0 ? null : id(), upTo(9) > 0 ? word() : null, word(), number(), value()],
          upTo(5) > 0 ? upTo(900) : null,
        );
      case 2:
        return run(
          "INSERT INTO files (id, uuid, name, size, kind, n) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET size = size + 1, kind = excluded.kind",
          ...[id(), word(), word(), number(), value(), upTo(20)],
        );
      case 3:
        return run(
          `UPDATE ${or} files SET uuid = ?, name = ?, n = ? WHERE id = ?`,
          ...[word(), word(), upTo(20), id()],
        );
      case 4:
        return run(`UPDATE ${or} files SET id = ? WHERE id = ?`, id(), id());
      case 5:
        return run(`UPDATE ${or} files SET rowid = ? WHERE rowid = ?`, id(), id());
      case 6:
        return run("DELETE FROM files WHERE id = ? OR id = ?", id(), id());
      default:
        return run(`UPDATE ${or} files SET size = ?, kind = ? WHERE n = ?`, number(), value(), upTo(20));
    }
  }

  return (count) => {
    for (let done = 0; done < count; done++) {
      try {
        change();
      } catch (error) {
        if (!/constraint/i.test(String(error))) throw error;
      }
    }
  };
}
