import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * Who may import whom. Inside src: core imports nothing of ours; aws and github import core; cloudformation, images
 * and ecs import those and never each other; delivery composes images and services, environment all of them. The
 * sandbox and the product never import each other, so a shared mistake cannot hide.
 */
const subjects = ['cloudformation', 'images', 'ecs'];
const zones = [
  { target: './src/core', from: './src', except: ['./core'] },
  ...['aws', 'github'].map((name) => ({
    target: `./src/${name}`,
    from: './src',
    except: [`./${name}`, './core'],
  })),
  ...subjects.map((name) => ({
    target: `./src/${name}`,
    from: './src',
    except: [`./${name}`, './core', './aws', './present'],
  })),
  { target: './src/delivery', from: ['./src/environment', './src/cloudformation'] },
  { target: './src', from: './actions' },
  { target: ['./src', './actions'], from: ['./sandbox', './test', './scripts'] },
  { target: './sandbox', from: ['./src', './test', './scripts'] },
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
