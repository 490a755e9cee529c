export function node24(): string;
export default function setUp(): void;
