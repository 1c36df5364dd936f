import { bytea, perDialect } from "harbor-db";
import { sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  bigint,
  boolean,
  char,
  check,
  date,
  doublePrecision,
  foreignKey,
  index,
  integer,
  json,
  jsonb,
  numeric,
  pgEnum,
  pgTable,
  primaryKey,
  real,
  serial,
  smallint,
  text,
  time,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
  varchar,
} from "drizzle-orm/pg-core";

// A schema with everything that pg-core has and SQLite can have.

export const mood = pgEnum("mood", ["calm", "it's rough"]);

export const ports = pgTable("ports", {
  country: char({ length: 2 }).notNull(),
  code: varchar({ length: 3 }).notNull(),
  name: text().notNull().unique(),
  depth: real().default(1.5),
  founded: date(),
}, (ports) => [
  primaryKey({ name: "ports_pkey", columns: [ports.country, ports.code] }),
  unique("ports_name_founded_key").on(ports.name, ports.founded),
]);

export const boats = pgTable("boats", {
  id: integer().primaryKey().generatedAlwaysAsIdentity(),
  token: uuid().notNull().defaultRandom().unique("boats_token_key"),
  name: varchar({ length: 40 }).notNull(),
  kind: text({ enum: ["sail", "motor"] }).notNull().default("sail"),
  mood: mood().notNull().default("calm"),
  former_mood: mood(),
  registered: bigint({ mode: "bigint" }).default(9007199254740993n),
  berths: smallint().notNull().default(0),
  tonnage: numeric({ precision: 10, scale: 2 }).notNull().default("1.50"),
  length: doublePrecision().notNull().default(-2.5),
  is_afloat: boolean().notNull().default(true),
  papers: json().$type<{ readonly note: string }>().default({ note: "it's" }),
  gear: jsonb().notNull().default([]),
  flag: bytea(),
  seal: bytea().notNull().default(new Uint8Array([0, 255, 39])),
  built_on: date({ mode: "date" }).notNull().default(new Date("2020-02-29T00:00:00Z")),
  inspected_on: date().default("2024-01-31"),
  sails_at: time().notNull().default("08:30:00"),
  noted_at: time({ precision: 3 }),
  created_at: timestamp().notNull().defaultNow(),
  seen_at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  sold_at: timestamp({ precision: 3, mode: "string" }),
  launched_at: timestamp().default(new Date("2020-02-29T12:00:00.500Z")),
  berth_tag: text().generatedAlwaysAs((): ReturnType<typeof sql> =>
    sql`${boats.name} || '-' || ${boats.kind}`
  ),
  port_country: char({ length: 2 }),
  port_code: varchar({ length: 3 }),
  tender_of: integer().references((): AnyPgColumn => boats.id, { onDelete: "set null" }),
  secret: text().notNull().default(perDialect({
    sqlite: sql`lower(hex(randomblob(8)))`,
    postgresql: sql`md5(random()::text)`,
  })),
}, (boats) => [
  foreignKey({
    name: "boats_port_fkey",
    columns: [boats.port_country, boats.port_code],
    foreignColumns: [ports.country, ports.code],
  }).onDelete("cascade").onUpdate("cascade"),
  index("ix_boats_port").on(boats.port_country, boats.port_code.desc()),
  index().on(boats.kind, boats.name),
  index("ix_boats_afloat").on(boats.name).where(
    sql`${boats.is_afloat} AND ${boats.kind} IN ('sail', 'motor')`,
  ),
  uniqueIndex("ix_boats_lower_name").on(sql`lower(${boats.name})`),
  check("boats_tonnage_check", sql`${boats.tonnage} >= 0 AND ${boats.tonnage} < 100000`),
  check("boats_length_check", sql`${boats.length} <> 0 OR ${boats.berths} BETWEEN 0 AND 10`),
  check("boats_kind_check", sql`${boats.kind} IN ('sail', 'motor')`),
]);

export const voyages = pgTable("voyages", {
  id: serial().primaryKey(),
  boat_id: integer().notNull().references(() => boats.id, { onDelete: "cascade" }),
  miles: integer().notNull(),
});
