/** A line or bar chart by day, in the colours of the theme. The table beside it says the same. */

import "uplot/dist/uPlot.min.css";
import { useEffect, useRef, type ReactNode } from "react";
import uPlot from "uplot";

export interface Line {
  name: string;
  /** By day; null where there is none. */
  values: readonly (number | null)[];
  colour: "assistant" | "you" | "soft" | "alarm";
}

interface ChartProps {
  title: string;
  unit?: string;
  /** Seconds since the epoch. */
  dates: readonly number[];
  lines: readonly Line[];
  bars?: boolean;
}

const HEIGHT = 220;

export function Chart({ title, unit = "", dates, lines, bars = false }: ChartProps): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    return element ? drawn(element, dates, lines, unit, bars) : undefined;
  }, [dates, lines, unit, bars]);
  return (
    <figure className="chart">
      <figcaption>{title}</figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

/** Draws, and draws anew when the width or the theme changes. Returns how to take it away. */
function drawn(element: HTMLDivElement, dates: readonly number[], lines: readonly Line[], unit: string, bars: boolean): () => void {
  let plot: uPlot | null = null;
  const draw = (): void => {
    plot?.destroy();
    const data = [[...dates], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData;
    plot = new uPlot(options(element, lines, unit, bars), data, element);
  };
  const resizing = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: HEIGHT }));
  const theming = new MutationObserver(draw);
  const system = matchMedia("(prefers-color-scheme: dark)");
  draw();
  resizing.observe(element);
  theming.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "lang"] });
  system.addEventListener("change", draw);
  return () => {
    resizing.disconnect();
    theming.disconnect();
    system.removeEventListener("change", draw);
    plot?.destroy();
  };
}

function options(element: HTMLDivElement, lines: readonly Line[], unit: string, bars: boolean): uPlot.Options {
  const colour = colours(element);
  const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") } };
  const shown = (value: number | null): string => (value === null ? "–" : `${Math.round(value * 100) / 100} ${unit}`.trim());
  const day = new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "short" });
  const paths = bars && uPlot.paths.bars ? { paths: uPlot.paths.bars({ size: [0.7, 24] }) } : {};
  return {
    width: element.clientWidth || 320,
    height: HEIGHT,
    legend: { live: false },
    cursor: { drag: { x: false, y: false }, points: { show: !bars } },
    scales: { x: { time: true }, y: { range: (_plot, _least, most) => [0, Math.max(most * 1.1, 1)] } },
    axes: [
      { ...axis, values: (_plot, splits) => splits.map((at) => day.format(at * 1000)), space: 60 },
      { ...axis, size: 54, values: (_plot, splits) => splits.map((value) => (unit ? `${value} ${unit}` : String(value))) },
    ],
    series: [
      {},
      ...lines.map(({ name, colour: named }) => ({
        label: name,
        stroke: colour(named),
        ...(bars ? { fill: colour(named), points: { show: false } } : { width: 2, spanGaps: false, points: { show: true, size: 5, fill: colour(named) } }),
        value: (_plot: uPlot, value: number | null) => shown(value),
        ...paths,
      })),
    ],
  };
}

/** The theme's colour as it is now: a canvas knows no variables and no light-dark(). */
function colours(element: HTMLElement): (name: string) => string {
  const probe = document.createElement("span");
  element.append(probe);
  const found = new Map(
    ["assistant", "you", "soft", "alarm", "line"].map((name) => {
      probe.className = `colour-${name}`;
      return [name, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  return (name) => found.get(name) ?? "gray";
}
