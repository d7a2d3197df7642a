/** Form fields with their label, help and complaint. */

import { Slider as RadixSlider, Switch as RadixSwitch } from "radix-ui";
import { useId, type ReactNode } from "react";

interface FieldProps {
  label: string;
  help?: ReactNode;
  /** What is wrong with the value. */
  complaint?: string;
  /** Gets the attributes that tie the control to its label and texts. */
  children: (tied: { id: string; "aria-describedby": string; "aria-invalid": boolean }) => ReactNode;
}

export function Field({ label, help, complaint = "", children }: FieldProps): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": `${id}-help ${id}-complaint`, "aria-invalid": complaint !== "" })}
      <p id={`${id}-help`} className="help">
        {help}
      </p>
      <p id={`${id}-complaint`} className="complaint" role="alert">
        {complaint}
      </p>
    </div>
  );
}

interface SelectProps<T extends string> {
  label: string;
  help?: ReactNode;
  value: T;
  options: readonly { value: T; label: string; disabled?: boolean }[];
  onChange: (value: T) => void;
  disabled?: boolean;
}

/** The browser's own list: a phone shows it as its own, and it needs no style element. */
export function Select<T extends string>({ label, help, value, options, onChange, disabled }: SelectProps<T>): ReactNode {
  return (
    <Field label={label} help={help}>
      {(tied) => (
        <select {...tied} value={value} disabled={disabled} onChange={(event) => onChange(event.target.value as T)}>
          {options.map((option) => (
            <option key={option.value} value={option.value} disabled={option.disabled}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface SwitchProps {
  label: string;
  help?: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}

export function Switch({ label, help, checked, onChange, disabled = false }: SwitchProps): ReactNode {
  const id = useId();
  return (
    <div className="field switch-field">
      <label htmlFor={id}>{label}</label>
      <RadixSwitch.Root
        id={id}
        className="switch"
        checked={checked}
        disabled={disabled}
        onCheckedChange={onChange}
        aria-describedby={`${id}-help`}
      >
        <RadixSwitch.Thumb className="thumb" />
      </RadixSwitch.Root>
      <p id={`${id}-help`} className="help">
        {help}
      </p>
    </div>
  );
}

interface SliderProps {
  label: string;
  help?: ReactNode;
  value: number;
  min: number;
  max: number;
  step: number;
  /** The value as people read it, such as "1.2 s". */
  words: string;
  onChange: (value: number) => void;
  /** When the hand lets go: the moment to save. */
  onCommit?: (value: number) => void;
  disabled?: boolean;
}

export function Slider({ label, help, words, value, onChange, onCommit, ...rest }: SliderProps): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <div className="row spread">
        <span id={id} className="label">
          {label}
        </span>
        <output>{words}</output>
      </div>
      <RadixSlider.Root
        className="slider"
        value={[value]}
        onValueChange={([next]) => next !== undefined && onChange(next)}
        onValueCommit={([next]) => next !== undefined && onCommit?.(next)}
        {...rest}
      >
        <RadixSlider.Track className="track">
          <RadixSlider.Range className="range" />
        </RadixSlider.Track>
        <RadixSlider.Thumb className="thumb" aria-labelledby={id} aria-valuetext={words} />
      </RadixSlider.Root>
      <p className="help">{help}</p>
    </div>
  );
}
