import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { useWorkspaces } from './action.ts';
import { LayoutWriter } from './oci.ts';

export interface LayoutWorkspace {
  workspace: string;
  /** For the image in the folder `image`. */
  digest: string;
  layout: LayoutWriter;
  /** A file of the workspace. */
  read(file: string): string;
}

/** Creates workspaces with the layout of an image in the folder `image`, and other files. */
export function useLayouts(): (
  layers: (Buffer | string)[],
  files?: Record<string, string>,
) => LayoutWorkspace {
  const workspaceOf = useWorkspaces();
  return (layers, files = {}) => {
    const workspace = workspaceOf(files);
    const layout = new LayoutWriter(join(workspace, 'image'));
    const { digest } = finish(layout, layers);
    return { workspace, digest, layout, read: (file) => readFileSync(join(workspace, file), 'utf8') };
  };
}

function finish(layout: LayoutWriter, layers: (Buffer | string)[]): { digest: string } {
  const image = layout.image(layers);
  layout.finish(image);
  return image;
}
