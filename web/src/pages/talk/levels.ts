/**
 * The sound of the conversation as a horizon: the assistant rises above the line, you hang below
 * it, and what was just heard moves outwards from the middle. Where motion is not wanted it stands
 * still: two plain meters.
 */

const BARS = 33;

/** Milliseconds between two steps outwards: slow enough to be calm. */
const STEP_MS = 45;

/** Loudness in decibels to 0..1: -60 dB is nothing to see, -12 dB is a loud voice. */
export function height(level: number): number {
  if (level <= 0.001) return 0;
  return Math.min(1, (20 * Math.log10(level) + 60) / 48);
}

/** Between two looks at the colours, which change with the theme only. */
const COLOURS_MS = 1000;

interface Sources {
  levels: () => { assistant: number; you: number };
  colours: () => { assistant: string; you: string };
}

/** Moves while it is told to; a still one shows the line alone. */
export class Levels {
  private readonly context: CanvasRenderingContext2D | null;
  private readonly still = window.matchMedia("(prefers-reduced-motion: reduce)");
  private above: number[] = new Array<number>(BARS).fill(0);
  private below: number[] = new Array<number>(BARS).fill(0);
  private stepped = 0;
  private looked = -COLOURS_MS;
  private colours = { assistant: "", you: "" };
  private frame = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly sources: Sources,
  ) {
    this.context = canvas.getContext("2d");
  }

  move(moving: boolean): void {
    cancelAnimationFrame(this.frame);
    if (moving) this.frame = requestAnimationFrame((now) => this.next(now));
    else {
      this.above.fill(0);
      this.below.fill(0);
      this.frame = requestAnimationFrame((now) => this.draw(now));
    }
  }

  private next(now: number): void {
    const pace = this.still.matches ? 200 : STEP_MS;
    if (now - this.stepped >= pace) {
      this.stepped = now;
      this.step();
      this.draw(now);
    }
    this.frame = requestAnimationFrame((later) => this.next(later));
  }

  private step(): void {
    const { assistant, you } = this.sources.levels();
    this.above = [height(assistant), ...this.above.slice(0, BARS - 1)];
    this.below = [height(you), ...this.below.slice(0, BARS - 1)];
  }

  private draw(now: number): void {
    const { canvas, context } = this;
    if (!context) return;
    const ratio = window.devicePixelRatio || 1;
    const [width, tall] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
    if (canvas.width !== width || canvas.height !== tall) [canvas.width, canvas.height] = [width, tall];
    context.clearRect(0, 0, width, tall);
    if (now - this.looked >= COLOURS_MS) [this.looked, this.colours] = [now, this.sources.colours()];
    const paint = (side: number, heights: number[], colour: string): void => {
      context.fillStyle = colour;
      for (const bar of this.still.matches ? plain(heights) : spread(heights)) {
        drawBar(context, { ...bar, side, width, tall });
      }
    };
    paint(-1, this.above, this.colours.assistant);
    paint(1, this.below, this.colours.you);
  }
}

interface Bar {
  /** Position from the middle, in bars. */
  place: number;
  height: number;
}

function spread(heights: number[]): Bar[] {
  return heights.flatMap((value, i) => {
    const faded = value * (1 - i / BARS) ** 1.1;
    const bar = { place: i, height: faded };
    return i === 0 ? [bar] : [bar, { ...bar, place: -i }];
  });
}

/** Without motion: the same loudness in every bar of a short row, four times a second. */
function plain(heights: number[]): Bar[] {
  return [-4, -3, -2, -1, 0, 1, 2, 3, 4].map((place) => ({ place, height: heights[0] ?? 0 }));
}

interface Drawn extends Bar {
  /** -1 above the line, 1 below it. */
  side: number;
  width: number;
  tall: number;
}

function drawBar(context: CanvasRenderingContext2D, bar: Drawn): void {
  const pitch = bar.width / (2 * BARS - 1);
  const thick = pitch * 0.52;
  const least = thick / 2;
  const length = least + bar.height * (bar.tall / 2 - thick * 2);
  const x = bar.width / 2 + bar.place * pitch - thick / 2;
  const gap = thick * 0.35;
  const y = bar.side < 0 ? bar.tall / 2 - gap - length : bar.tall / 2 + gap;
  context.beginPath();
  context.roundRect(x, y, thick, length, thick / 2);
  context.fill();
}
