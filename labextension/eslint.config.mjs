// What `jlpm lint` checks beside the types: typescript-eslint's recommended rules with types, React's hooks, and
// Jupyter's own rules (translations, commands, settings).
import jupyter from '@jupyter/eslint-plugin';
import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['lib', 'build-test', 'node_modules'] },
  { plugins: { jupyter } },
  ...tseslint.configs.recommendedTypeChecked,
  ...jupyter.configs.recommended.filter(part => part.files.some(pattern => pattern.endsWith('.ts'))),
  {
    files: ['src/**/*.{ts,tsx}', 'test/**/*.ts'],
    plugins: { 'react-hooks': hooks },
    languageOptions: { parserOptions: { project: ['./tsconfig.json', './tsconfig.test.json'], tsconfigRootDir: import.meta.dirname } },
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { args: 'none' }],
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'interface', format: ['PascalCase'], custom: { regex: '^I[A-Z]', match: true } }
      ],
      'jupyter/prefer-lazy-imports': 'off', // the whole bundle has 40 kB: more files would load later
      curly: ['error', 'all'],
      eqeqeq: 'error'
    }
  },
  {
    files: ['test/**/*.ts'],
    // node:test's test() settles by itself; tests make jobs out of the fields they need.
    rules: { '@typescript-eslint/no-floating-promises': 'off' }
  }
);
