import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * The levels of src: each folder imports only from those named here. Presenters (present) and actions compose all of
 * them. The sandbox and the product never import each other, so that a shared mistake cannot hide. Cycles are checked by
 * oxlint (.oxlintrc.json), because import-x/no-cycle does not follow imports of types.
 */
const levels = {
  core: [],
  aws: ['core'],
  github: ['core'],
  cloudformation: ['core', 'aws'],
  images: ['core', 'aws'],
  ecs: ['core', 'aws'],
  delivery: ['core', 'aws', 'github', 'images', 'ecs'],
  environment: ['core', 'aws', 'github', 'cloudformation', 'images', 'ecs', 'delivery'],
};
const zones = [
  ...Object.entries(levels).map(([name, allowed]) => ({
    target: `./src/${name}`,
    from: './src',
    except: [name, ...allowed].map((folder) => `./${folder}`),
    message: `src/${name} imports ${allowed.length > 0 ? `only ${allowed.join(', ')}` : 'nothing else of ours'}.`,
  })),
  { target: './src', from: './actions' },
  { target: ['./src', './actions'], from: ['./sandbox', './test', './scripts'] },
  { target: './sandbox', from: ['./src', './actions', './test', './scripts'] },
];

export default tseslint.config(
  {
    ignores: ['dist/', '/build/', 'coverage/', 'demo-report/', 'services/', 'node_modules/', 'test/runtime/'],
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true } },
    settings: { 'import-x/resolver': { node: { extensions: ['.ts', '.js'] } } },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: { 'max-lines': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
);
