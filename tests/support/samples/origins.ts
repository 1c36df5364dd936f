import type { Dialect } from "../../../src/base/dialect.ts";
import type { Engine, EngineRow } from "../databases.ts";

/** A way in which databases of the application came about before harbor-db. */
export interface Origin {
  readonly name: string;
  /** What is in `alembic_version`; `null` where there is no such table. */
  readonly alembic: readonly string[] | null;
  /** Its tables by name, as {@link ddlOf} spells them out. */
  readonly tables: Readonly<Record<string, TableShape>>;
  readonly indexes: readonly string[];
  /** The revision whose schema it is; `null` when it is none's. */
  readonly revision: string | null;
}

interface TableShape {
  readonly columns: readonly string[];
  /** `column table`. */
  readonly references?: string;
}

// Column types are written as SQLite has them, the key as `id KEY`.
const alembicUsers = [
  "id KEY",
  "uuid VARCHAR(36) NOT NULL",
  "email VARCHAR(255) NOT NULL",
  "password_hash VARCHAR(255) NOT NULL",
  "is_active BOOLEAN",
  "created_at DATETIME NOT NULL",
];
const modelUsers = [
  "id KEY",
  "email VARCHAR(120) NOT NULL",
  "password_hash VARCHAR(255) NOT NULL",
  "is_active BOOLEAN NOT NULL",
  "created_at DATETIME",
  "last_login DATETIME",
];
const alembicCollections = [
  "id KEY",
  "uuid VARCHAR(36) NOT NULL",
  "name VARCHAR(100) NOT NULL",
  "description TEXT",
  "privacy VARCHAR(20)",
  "password_hash VARCHAR(255)",
  "expires_at DATETIME",
  "created_at DATETIME NOT NULL",
  "user_id INTEGER NOT NULL",
];
const modelCollections = [
  "id KEY",
  "uuid VARCHAR(36) NOT NULL",
  "name VARCHAR(255) NOT NULL",
  "description TEXT",
  "privacy VARCHAR(20) NOT NULL",
  "password_hash VARCHAR(255)",
  "expires_at DATETIME",
  "created_at DATETIME",
  "updated_at DATETIME",
  "user_id INTEGER NOT NULL",
];
const plainFiles = [
  "id KEY",
  "uuid VARCHAR(36) NOT NULL",
  "filename VARCHAR(255) NOT NULL",
  "original_filename VARCHAR(255) NOT NULL",
  "mime_type VARCHAR(100) NOT NULL",
  "size INTEGER NOT NULL",
  "storage_path VARCHAR(500) NOT NULL",
  "thumbnail_path VARCHAR(500)",
  "upload_complete BOOLEAN",
];
const storage = ["storage_backend VARCHAR(20)", "metadata_json TEXT"];
const variants = ["thumb_path VARCHAR(500)", "medium_path VARCHAR(500)"];
const owned = "collection_id INTEGER NOT NULL";

const alembicTables = (...added: readonly string[]): Origin["tables"] => ({
  users: { columns: alembicUsers },
  collections: { columns: alembicCollections, references: "user_id users" },
  files: {
    columns: [...plainFiles, "created_at DATETIME NOT NULL", owned, ...added],
    references: "collection_id collections",
  },
});
const modelTables = (...added: readonly string[]): Origin["tables"] => ({
  users: { columns: modelUsers },
  collections: { columns: modelCollections, references: "user_id users" },
  files: {
    columns: [...plainFiles, "created_at DATETIME", owned, ...added],
    references: "collection_id collections",
  },
});

const alembicIndexes = [
  "INDEX ix_users_uuid ON users (uuid)",
  "INDEX ix_users_email ON users (email)",
  "INDEX ix_collections_uuid ON collections (uuid)",
  "INDEX ix_files_uuid ON files (uuid)",
];
const modelIndexes = [
  "UNIQUE INDEX ix_users_email ON users (email)",
  "UNIQUE INDEX ix_collections_uuid ON collections (uuid)",
  "UNIQUE INDEX ix_files_uuid ON files (uuid)",
];
const storageIndex = "INDEX ix_files_storage_backend ON files (storage_backend)";

const [initial, storageFields, imageVariants] = ["71dda59686db", "5b09ebe23c76", "f27bd10b7ec4"] as const;

/** All of them. */
export const origins: readonly Origin[] = [
  {
    name: "alembic upgrade 71dda59686db",
    alembic: [initial],
    tables: alembicTables(),
    indexes: alembicIndexes,
    revision: initial,
  },
  {
    name: "alembic upgrade 5b09ebe23c76",
    alembic: [storageFields],
    tables: alembicTables(...storage),
    indexes: [...alembicIndexes, storageIndex],
    revision: storageFields,
  },
  {
    name: "alembic upgrade f27bd10b7ec4",
    alembic: [imageVariants],
    tables: alembicTables(...storage, ...variants),
    indexes: [...alembicIndexes, storageIndex],
    revision: imageVariants,
  },
  {
    name: "create_all of the first commit, users only",
    alembic: null,
    tables: { users: { columns: modelUsers } },
    indexes: modelIndexes.slice(0, 1),
    revision: null,
  },
  {
    name: "create_all before R2",
    alembic: null,
    tables: modelTables(),
    indexes: modelIndexes,
    revision: null,
  },
  {
    name: "create_all with R2, then alembic failed",
    alembic: [],
    tables: modelTables(...storage),
    indexes: modelIndexes,
    revision: null,
  },
  {
    name: "create_all of the newest commit",
    alembic: null,
    tables: modelTables(...variants, ...storage),
    indexes: modelIndexes,
    revision: null,
  },
  {
    name: "create_all before R2, stamped",
    alembic: [initial],
    tables: modelTables(),
    indexes: modelIndexes,
    revision: null,
  },
  {
    name: "create_all before R2, stamped, alembic upgrade f27bd10b7ec4",
    alembic: [imageVariants],
    tables: modelTables(...storage, ...variants),
    indexes: [...modelIndexes, storageIndex],
    revision: null,
  },
  {
    name: "create_all with R2, stamped 5b09ebe23c76, alembic upgrade f27bd10b7ec4",
    alembic: [imageVariants],
    tables: modelTables(...storage, ...variants),
    indexes: modelIndexes,
    revision: null,
  },
  {
    name: "alembic upgrade 5b09ebe23c76 interrupted after its first statement",
    alembic: [initial],
    tables: modelTables(storage[0]!),
    indexes: modelIndexes,
    revision: null,
  },
  {
    name: "two version rows",
    alembic: [imageVariants, storageFields],
    tables: modelTables(...storage, ...variants),
    indexes: [...modelIndexes, storageIndex],
    revision: null,
  },
  {
    name: "dropped indexes",
    alembic: [imageVariants],
    tables: modelTables(...storage, ...variants),
    indexes: modelIndexes.slice(0, 2),
    revision: null,
  },
];

const spellings: Readonly<Record<Dialect, readonly (readonly [RegExp, string])[]>> = {
  sqlite: [[/\bid KEY\b/, "id INTEGER NOT NULL"]],
  postgresql: [[/\bid KEY\b/, "id SERIAL NOT NULL"], [/\bDATETIME\b/, "TIMESTAMP WITHOUT TIME ZONE"]],
};

/** Returns the statements that make a database of an origin, without rows. */
export function ddlOf(origin: Origin, dialect: Dialect): readonly string[] {
  const tables = Object.entries(origin.tables).map(([name, { columns, references }]) => {
    const [column, parent] = references?.split(" ") ?? [];
    const key = column === undefined ? "" : `, FOREIGN KEY(${column}) REFERENCES ${parent} (id)`;
    const spelled = columns.map((text) =>
      spellings[dialect].reduce((done, [from, to]) => done.replace(from, to), text)
    );
    return `CREATE TABLE ${name} (${spelled.join(", ")}, PRIMARY KEY (id)${key})`;
  });
  const version = origin.alembic === null ? [] : [
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
    ...origin.alembic.map((id) => `INSERT INTO alembic_version VALUES ('${id}')`),
  ];
  return [...version, ...tables, ...origin.indexes.map((index) => `CREATE ${index}`)];
}

type Value = string | number | boolean | null;

const at = (day: number) => `2025-09-${day} 13:06:54.566933`;

/** Rows as they are found: unicode, NULLs where some origin allows them, gaps between ids, both backends. */
const rows: Readonly<Record<string, readonly Readonly<Record<string, Value>>[]>> = {
  users: [
    {
      id: 1,
      uuid: "u-1",
      email: "köchin@example.org",
      password_hash: "scrypt:a",
      is_active: true,
      created_at: at(10),
    },
    {
      id: 3,
      uuid: "u-3",
      email: "B@example.org",
      password_hash: "scrypt:b",
      is_active: false,
      created_at: at(11),
      last_login: at(12),
    },
    {
      id: 7,
      uuid: "u-7",
      email: "b@example.org",
      password_hash: "scrypt:c",
      is_active: true,
      created_at: at(13),
    },
  ],
  collections: [
    {
      id: 2,
      uuid: "c-2",
      name: "Sommer an der Küste 🌊",
      description: "",
      privacy: "public",
      created_at: at(14),
      user_id: 1,
    },
    {
      id: 5,
      uuid: "c-5",
      name: 'it\'s "quoted"',
      privacy: "private",
      password_hash: "x",
      expires_at: at(15),
      created_at: at(16),
      updated_at: at(17),
      user_id: 3,
    },
  ],
  files: [1, 2, 3, 4, 8, 9].map((id) => ({
    id,
    uuid: `f-${id}`,
    filename: `${id}.jpg`,
    original_filename: `IMG ${id} ä.JPG`,
    mime_type: "image/jpeg",
    size: id * 1_000_003,
    storage_path: id > 4 ? `collections/c-5/IMG ${id} ä.JPG` : `uploads/c-2/f-${id}.jpg`,
    thumbnail_path: id === 1 ? null : `thumbs/${id}`,
    upload_complete: id === 2 ? null : id !== 3,
    created_at: at(18),
    collection_id: id > 4 ? 5 : 2,
    storage_backend: id > 4 ? "r2" : id > 2 ? null : "local",
    metadata_json: id > 4 ? `{"upload_method": "direct", "parts_count": null}` : id === 2 ? "not json" : null,
    thumb_path: id === 1 ? "t" : null,
    medium_path: null,
  })),
};

/** Makes a database of an origin, with rows in it. */
export async function makeOrigin(engine: Engine, url: string, origin: Origin): Promise<void> {
  const inserts = Object.entries(origin.tables).flatMap(([table, { columns }]) =>
    rows[table]!.map((row) => insertOf(engine.dialect, table, { columns, row }))
  );
  const sequences = engine.dialect === "sqlite"
    ? []
    : Object.keys(origin.tables).map((table) =>
      `SELECT setval('${table}_id_seq', (SELECT max(id) FROM ${table}))`
    );
  const statements = [...ddlOf(origin, engine.dialect), ...inserts, ...sequences];
  // PostgreSQL takes them all at once.
  const texts = engine.dialect === "sqlite" ? statements : [statements.join(";\n")];
  for (const text of texts) await engine.query(url, text);
}

function insertOf(
  dialect: Dialect,
  table: string,
  { columns, row }: { readonly columns: readonly string[]; readonly row: Readonly<Record<string, Value>> },
): string {
  const values = columns.map((column) => {
    const name = column.split(" ")[0]!;
    // A column that must not be empty has a value in every origin that has it.
    return [name, literal(row[name] ?? null, dialect)] as const;
  });
  const names = values.map(([name]) => name).join(", ");
  return `INSERT INTO ${table} (${names}) VALUES (${values.map(([, text]) => text).join(", ")})`;
}

function literal(value: Value, dialect: Dialect): string {
  if (value === null) return "NULL";
  if (typeof value === "boolean") return dialect === "sqlite" ? String(Number(value)) : String(value);
  return typeof value === "number" ? String(value) : `'${value.replaceAll("'", "''")}'`;
}

/** Returns the rows of the origin's tables, in its own columns, as text. */
export async function readOrigin(
  engine: Engine,
  url: string,
  origin: Origin,
): Promise<Readonly<Record<string, readonly EngineRow[]>>> {
  const entries: [string, readonly EngineRow[]][] = [];
  for (const [table, { columns }] of Object.entries(origin.tables)) {
    const names = columns.map((column) => column.split(" ")[0]!);
    const texts = names.map((name) =>
      engine.dialect === "sqlite"
        ? `typeof(${name}) || ':' || quote(${name}) AS ${name}`
        : `${name}::text AS ${name}`
    );
    entries.push([
      table,
      await engine.query(url, `SELECT ${texts.join(", ")} FROM ${table} ORDER BY ${table}.id`),
    ]);
  }
  return Object.fromEntries(entries);
}
