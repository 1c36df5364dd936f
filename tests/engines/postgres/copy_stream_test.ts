import assert from "node:assert/strict";
import { test } from "node:test";
import type { Session } from "../../../src/engines/postgres/session/session.ts";
import { openSession } from "../../../src/engines/postgres/session/open_session.ts";
import { parsePostgres } from "../../support/postgres_engines.ts";
import { withClient, withFreshPostgres } from "../../support/servers/postgres_server.ts";

async function withSession(work: (session: Session, url: string) => Promise<void>): Promise<void> {
  await withFreshPostgres(15, async (url) => {
    const session = await openSession(parsePostgres(url), "test");
    try {
      await session.script("CREATE TABLE public.t (id int PRIMARY KEY, x text)");
      await work(session, url);
    } finally {
      await session.close();
    }
  });
}

async function* lines(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield new TextEncoder().encode(text);
}

async function count(session: Session): Promise<unknown> {
  const [result] = await session.run([{ text: "SELECT count(*)::int AS n FROM public.t", parameters: [] }]);
  return result?.rows[0]?.["n"];
}

const failures: readonly [string, string, AsyncGenerator<Uint8Array>, RegExp][] = [
  ["at its beginning", "COPY nowhere FROM STDIN", lines("1\ta\n"), /relation "nowhere" does not exist/],
  [
    "in the middle",
    "COPY public.t FROM STDIN",
    lines("x\ta\n", ..."2\tb\n".repeat(1000)),
    /invalid input syntax/,
  ],
  ["at its last row", "COPY public.t FROM STDIN", lines("1\ta\n", "2"), /missing data for column "x"/],
  ["when all rows have been sent", "COPY public.t FROM STDIN", lines("1\ta\n", "1\tb\n"), /duplicate key/],
  ["because its rows do", "COPY public.t FROM STDIN", broken(), /no more rows/],
];

async function* broken(): AsyncGenerator<Uint8Array> {
  yield* lines("1\ta\n");
  throw new Error("no more rows");
}

for (const [when, text, rows, message] of failures) {
  test(`postgres: a COPY FROM STDIN that fails ${when} says so, and the session goes on`, () =>
    withSession(async (session) => {
      await assert.rejects(session.copyIn(text, rows), message);
      assert.equal(await count(session), 0);
      await session.copyIn("COPY public.t FROM STDIN", lines("1\ta", "\n2\tb\n"));
      assert.equal(await count(session), 2);
    }));
}

test("postgres: a COPY TO STDOUT waits for a slow reader, loses nothing, and the session goes on", () =>
  withSession(async (session) => {
    await session.script("INSERT INTO public.t SELECT g, repeat('x', 1000) FROM generate_series(1, 20000) g");
    for (let round = 0; round < 2; round++) {
      let bytes = 0;
      let pieces = 0;
      await session.copyOut("COPY public.t TO STDOUT", async (piece) => {
        bytes += piece.length;
        if (++pieces % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      });
      const idDigits = 9 + 180 + 2700 + 36000 + 50005;
      assert.equal(bytes, idDigits + 20_000 * 1002);
      assert.equal(await count(session), 20_000);
    }
  }));

test("postgres: a COPY TO STDOUT that fails at once says so, and the session goes on", () =>
  withSession(async (session) => {
    await assert.rejects(session.copyOut("COPY (SELECT 1/0) TO STDOUT", () => {}), /division by zero/);
    assert.equal(await count(session), 0);
  }));

test("postgres: a reader that fails ends the session", () =>
  withSession(async (session) => {
    await session.script("INSERT INTO public.t SELECT g, repeat('x', 1000) FROM generate_series(1, 20000) g");
    await assert.rejects(
      session.copyOut("COPY public.t TO STDOUT", () => {
        throw new Error("enough");
      }),
      /enough/,
    );
    await assert.rejects(count(session));
  }));

for (const direction of ["in", "out"] as const) {
  test(`postgres: a COPY ${direction} ends when the server ends the session`, () =>
    withSession(async (session, url) => {
      await session.script(
        "INSERT INTO public.t SELECT g, repeat('x', 1000) FROM generate_series(1, 50000) g",
      );
      let ending: Promise<unknown> | undefined;
      const end = () =>
        ending ??= withClient(url, (sql) => sql.unsafe(`SELECT pg_terminate_backend(${session.backendPid})`));
      async function* endless(): AsyncGenerator<Uint8Array> {
        for (let id = 60_000;; id++) {
          yield* lines(`${id}\tx\n`);
          await end();
        }
      }
      await assert.rejects(
        direction === "in"
          ? session.copyIn("COPY public.t FROM STDIN", endless())
          : session.copyOut("COPY public.t TO STDOUT", async () => void await end()),
      );
      await ending;
    }));
}
