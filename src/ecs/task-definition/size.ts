const VCPU: Readonly<Record<string, number>> = { '': 1, vcpu: 1024 };
const GB: Readonly<Record<string, number>> = { '': 1, mb: 1, mib: 1, gb: 1024, gib: 1024 };

/**
 * CPU units as DescribeTaskDefinition returns them: `1 vCPU` is `1024`. Undefined if the text is not an amount of CPU.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
 */
export function cpuUnits(text: string): string | undefined {
  return amount(text, VCPU);
}

/** MiB as DescribeTaskDefinition returns them: `2 GB` is `2048`. Undefined if the text is not an amount of memory. */
export function memoryMib(text: string): string | undefined {
  return amount(text, GB);
}

function amount(text: string, scale: Readonly<Record<string, number>>): string | undefined {
  const [, number = '', unit = ''] = /^(\d{0,6}(?:\.\d{1,3})?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = scale[unit.toLowerCase()];
  if (number === '' || factor === undefined) return undefined;
  const value = Number(number) * factor;
  return Number.isInteger(value) && value > 0 ? String(value) : undefined;
}
