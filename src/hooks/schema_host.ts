import { HarborError } from "../base/errors.ts";

/** Runs a project's own code: its schema.ts, and what that imports. */
export interface SchemaHost {
  /**
   * Runs `work`, which runs the code of `file`, and waits for what that left for the next turn. Signals end the program
   * meanwhile as they end any: nobody could hear of them in an endless loop.
   *
   * @throws {HarborError} `bad_schema` when the code wants to end the program, or leaves an error that nobody waits for.
   * What comes of it later aborts the signal with that error.
   */
  run<T>(file: string, work: () => T): Promise<T>;
  /** Ends the program, which nobody else can. */
  end(code: number): never;
}

/** What of a runtime's `process` it takes. */
interface HostProcess {
  exit(code?: number | string | null): never;
  abort(): never;
  /** What runtimes that have it end with. */
  reallyExit?(code?: number): never;
  kill(pid: number, signal?: string | number): true;
  readonly pid: number;
  on(event: string, listener: (error: unknown) => void): unknown;
}

/**
 * Lets nothing but the program itself end the process: drizzle-kit does so for some of what it refuses, and a schema.ts
 * may, both with any code and without a word to whoever reads the result.
 *
 * @param ownFolder Where the program's own code is, whose lines say nothing of a schema
 * @param withoutSignals Runs something with signals as the system has them
 */
export function createSchemaHost(host: HostProcess, { stop, ownFolder, withoutSignals }: {
  readonly stop: AbortController;
  readonly ownFolder: string;
  readonly withoutSignals: <T>(work: () => T) => T;
}): SchemaHost {
  let running: string | undefined;
  let isEnding = false;
  const { reallyExit } = host;
  const [exit, kill] = [host.exit.bind(host), host.kill.bind(host)];

  /** Returns the place in the project's own code that a stack names, if it names one. */
  function placeIn({ stack = "" }: Error): { readonly file: string; readonly line: number } | undefined {
    const frames = stack.matchAll(/(?:file:\/\/)?(\/[^()\n]+?):(\d+):\d+/g);
    const places = Array.from(frames, ([, file = "", line]) => ({ file, line: Number(line) }));
    return places.find(({ file }) => !file.startsWith(`${ownFolder}/`) && !file.includes("/node_modules/"));
  }
  function failure(state: string, place: ReturnType<typeof placeIn>, cause?: unknown): HarborError {
    const file = place?.file ?? running;
    const line = place?.line ?? null;
    const where = line === null ? file : `${file}:${line}`;
    return new HarborError(
      "bad_schema",
      where === undefined ? "Cannot read the schema" : `Cannot load "${where}"`,
      {
        state,
        hint: running === undefined
          ? "What drizzle-kit said of it stands above."
          : "A schema.ts is only read: leave out what else it runs.",
        details: file === undefined ? {} : { file, line },
        cause,
      },
    );
  }
  function refuse(call: string): never {
    const place = placeIn(new Error());
    const by = place !== undefined ? "it" : running === undefined ? "drizzle-kit" : "it, or drizzle-kit,";
    const error = failure(`${by} wanted to end the program with ${call}`, place);
    // Also where the code takes no notice.
    stop.abort(error);
    throw error;
  }
  function onStray(error: unknown): void {
    if (stop.signal.reason === error) return;
    // What is no error has no stack, and one made here says where the runtime called this.
    const place = error instanceof Error ? placeIn(error) : undefined;
    const said = error instanceof Error ? error.message : String(error);
    stop.abort(failure(`what it left running failed: ${said}`, place, error));
  }
  host.exit = (code) => refuse(`exit(${code ?? 0})`);
  host.abort = () => refuse("abort()");
  if (reallyExit !== undefined) {
    host.reallyExit = (code) => isEnding ? reallyExit.call(host, code) : refuse(`reallyExit(${code ?? 0})`);
  }
  // 0 is its own group of processes, and the signal 0 only asks.
  host.kill = (pid, signal) =>
    (pid === host.pid || pid === 0) && signal !== 0
      ? refuse(`kill(${pid === 0 ? 0 : "pid"})`)
      : kill(pid, signal);
  return {
    end(code) {
      isEnding = true;
      return exit(code);
    },
    async run(file, work) {
      if (running === undefined) {
        host.on("uncaughtException", onStray);
        host.on("unhandledRejection", onStray);
      }
      running = file;
      const result = withoutSignals(work);
      await new Promise((resolve) => setTimeout(resolve));
      if (stop.signal.reason instanceof HarborError) throw stop.signal.reason;
      return result;
    },
  };
}
