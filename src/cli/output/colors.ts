import { shownText } from "../../base/shown_text.ts";

/** Makes text stand out on a terminal, in what can be read on a light one and on a dark one. */
export interface Colors {
  readonly bold: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly magenta: Paint;
  /** Returns a text as it is printed: in the colours that it was painted with, and all else of it escaped. */
  render(text: string): string;
}

/** Returns a text in a colour, to be rendered. */
export type Paint = (text: string) => string;

/**
 * Returns the colours, or what changes nothing. Libraries for this look at the terminal by themselves, which takes
 * longer than all the rest of a start.
 *
 * @param mark Stands for a change of colour until a text is rendered; a word that nobody else can know, so that no name
 * in a database can hold one
 */
export function createColors(isEnabled: boolean, mark: string): Colors {
  const paint = (on: number, off: number): Paint => (text) =>
    isEnabled ? `${mark}${on};${text}${mark}${off};` : text;
  return {
    bold: paint(1, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    magenta: paint(35, 39),
    render: (text) => {
      if (!isEnabled) return shownText(text);
      const [plain = "", ...painted] = text.split(mark);
      const parts = painted.map((part) => {
        const end = part.indexOf(";");
        return `\x1b[${part.slice(0, end)}m${shownText(part.slice(end + 1))}`;
      });
      return shownText(plain) + parts.join("");
    },
  };
}
