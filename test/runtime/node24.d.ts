export function node24(): string;
export function installedNode24(): string;
export function installNode24(): void;
