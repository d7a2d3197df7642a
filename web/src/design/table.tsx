import type { Key, ReactNode } from "react";

interface Column<Row> {
  title: string;
  cell: (row: Row) => ReactNode;
  /** Digits under digits. */
  numeric?: boolean;
}

interface TableProps<Row> {
  /** What it lists, for a screen reader. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => Key;
}

/** On a phone each row becomes a block with the titles before the values. The first column names the row. */
export function Table<Row>({ label, columns, rows, keyOf }: TableProps<Row>): ReactNode {
  return (
    <div className="table-scroll">
      <table className="table" aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ title, numeric = false }) => (
              <th key={title} scope="col" data-numeric={numeric}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, cell, numeric = false }, at) =>
                at === 0 ? (
                  <th key={title} scope="row">
                    {cell(row)}
                  </th>
                ) : (
                  <td key={title} data-title={title} data-numeric={numeric}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
