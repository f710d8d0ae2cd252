"""The paper's recipes beside what our resolved configs do, point by point."""
