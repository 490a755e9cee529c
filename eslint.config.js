import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * Who may import whom. Inside src: runtime imports nothing of ours; aws, github and report import
 * runtime; cloudformation, docker, ecr and ecs import those and never each other; release composes images and
 * services, environment all of them. The sandbox and the product never import each other, so a shared mistake cannot hide.
 */
const subjects = ['cloudformation', 'docker', 'ecr', 'ecs'];
const zones = [
  { target: './src/runtime', from: './src', except: ['./runtime'] },
  ...['aws', 'github', 'report'].map((name) => ({
    target: `./src/${name}`,
    from: './src',
    except: [`./${name}`, './runtime'],
  })),
  ...subjects.map((name) => ({
    target: `./src/${name}`,
    from: './src',
    except: [`./${name}`, './runtime', './aws', './report'],
  })),
  { target: './src/release', from: ['./src/environment', './src/cloudformation'] },
  { target: './src', from: './actions' },
  { target: ['./src', './actions'], from: ['./sandbox', './test', './scripts'] },
  { target: './sandbox', from: ['./src', './test', './scripts'] },
];

export default tseslint.config(
  {
    ignores: ['dist/', 'build/', 'coverage/', 'demo-report/', 'services/', 'node_modules/', 'test/runtime/'],
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
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: { 'max-lines': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
);
