const endings: (() => Promise<void>)[] = [];

/** Has something done when all tests of the file that runs are over; on Bun, where each file has a process, it ends with that. */
export function atEndOfFile(work: () => Promise<void>): void {
  endings.push(work);
}

/** Does what was asked for. */
export async function endFile(): Promise<void> {
  for (const ending of endings) await ending();
}
