"""Package names worth knowing: for "did you mean", and to read a conda file without a conda channel."""

from __future__ import annotations

#: Names that are the same on PyPI and in the usual conda channels.
SAME_NAME = frozenset(
    """
    absl-py aiohttp altair arrow attrs autogluon beautifulsoup4 bokeh boto3 bottleneck cachetools catboost category_encoders certifi cffi
    chardet charset-normalizer click cloudpickle colorama contourpy cryptography cycler cython dask datasets dateparser decorator defusedxml
    diffusers dill distributed dnspython docopt emoji et_xmlfile evaluate fastapi fastavro fastparquet feature_engine featuretools filelock
    flask fonttools fsspec gensim geopandas gluonts greenlet grpcio gunicorn h5py hdbscan holidays httptools httpx huggingface_hub hyperopt
    idna imageio imbalanced-learn inflection interpret ipython jax jaxlib jinja2 joblib jsonschema keras kiwisolver langdetect librosa
    lifelines lightfm lightgbm lime llvmlite lxml lz4 mapie markupsafe matplotlib mlflow mlxtend modin more-itertools msgpack msgspec
    multidict mypy_extensions networkx nltk numba numexpr numpy oauthlib onnx onnxmltools onnxruntime openpyxl optuna orjson packaging pandas
    pandera partd patsy pillow platformdirs plotly pmdarima polars pooch prettytable prophet protobuf psutil py4j pyarrow pyasn1
    pycaret pycparser pydantic pydantic-core pygments pymc pymongo pynndescent pyod pyparsing pypdf pyrsistent pyspark pytest python-dateutil
    pytorch-lightning pytz pywavelets pyyaml rapidfuzz ray redis regex requests rich ruamel.yaml s3fs sacremoses safetensors scikit-image
    scikit-learn scikit-learn-extra scikit-optimize scipy seaborn sentence-transformers sentencepiece setuptools shap shapely simplejson six
    sktime smart_open sortedcontainers soupsieve spacy sqlalchemy starlette statsforecast statsmodels sympy tabulate tbats tenacity
    tensorboard tensorflow tensorflow-hub tensorflow-probability termcolor textblob threadpoolctl tifffile tiktoken tokenizers toml toolz
    torchvision tornado tqdm transformers treeinterpreter tsfresh typing_extensions tzdata tzlocal ujson umap-learn unidecode urllib3 uvicorn
    uvloop vaderSentiment websockets werkzeug wheel wordcloud wrapt xarray xgboost xlrd xlsxwriter xxhash yarl yellowbrick zstandard
    """.split()
)

#: conda's name -> PyPI's name, where they differ. "" means: part of every image or not a Python package that is needed.
CONDA_TO_PYPI = {
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "torchaudio": "torchaudio",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "_py-xgboost-mutex": "",
    "libxgboost": "",
    "py-opencv": "opencv-python-headless",
    "opencv": "opencv-python-headless",
    "libopencv": "",
    "tensorflow-base": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-mkl": "tensorflow",
    "tensorflow-estimator": "",
    "keras-base": "keras",
    "numpy-base": "numpy",
    "matplotlib-base": "matplotlib",
    "pandas-base": "pandas",
    "dask-core": "dask",
    "seaborn-base": "seaborn",
    "statsmodels-base": "statsmodels",
    "pyarrow-core": "pyarrow",
    "mlflow-skinny": "mlflow-skinny",
    "msgpack-python": "msgpack",
    "python-graphviz": "graphviz",
    "python-flatbuffers": "flatbuffers",
    "python-xxhash": "xxhash",
    "python-tzdata": "tzdata",
    "pytables": "tables",
    "psycopg2": "psycopg2-binary",
    "faiss-cpu": "faiss-cpu",
    "lightgbm-cpu": "lightgbm",
    "redis-py": "redis",
    "kafka-python": "kafka-python",
    "grpc-cpp": "",
    "pip": "",
    "openssl": "",
    "ca-certificates": "",
    "libgcc-ng": "",
    "libstdcxx-ng": "",
    "libgomp": "",
    "_libgcc_mutex": "",
    "_openmp_mutex": "",
    "mkl": "",
    "mkl-service": "",
    "mkl_fft": "",
    "mkl_random": "",
    "blas": "",
    "openblas": "",
    "libblas": "",
    "liblapack": "",
    "nomkl": "",
    "cpuonly": "",
    "intel-openmp": "",
    "zlib": "",
    "xz": "",
    "sqlite": "",
    "readline": "",
    "ncurses": "",
    "tk": "",
    "libffi": "",
    "bzip2": "",
    "ld_impl_linux-64": "",
}

#: Client packages of a service that has ended; the scoring runtime has their import names.
REPLACED_BY_RUNTIME = frozenset({"azure-ml-api-sdk", "azureml-api-sdk", "azureml-datacollector"})

#: For "did you mean".
COMMON = sorted({name.lower() for name in SAME_NAME} | {name for name in CONDA_TO_PYPI.values() if name})

#: What is imported -> the package that brings it, where the names differ.
IMPORTED_AS = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "skopt": "scikit-optimize",
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "imblearn": "imbalanced-learn",
    "pywt": "pywavelets",
    "umap": "umap-learn",
    "jwt": "pyjwt",
    "Crypto": "pycryptodome",
    "dotenv": "python-dotenv",
    "magic": "python-magic",
    "serial": "pyserial",
    "attr": "attrs",
    "google.protobuf": "protobuf",
    "tf_keras": "tf-keras",
    "pytorch_lightning": "pytorch-lightning",
    "sentence_transformers": "sentence-transformers",
    "huggingface_hub": "huggingface-hub",
    "category_encoders": "category-encoders",
    "feature_engine": "feature-engine",
    "psycopg2": "psycopg2-binary",
    "faiss": "faiss-cpu",
    "tables": "tables",
    "fitz": "pymupdf",
    "docx": "python-docx",
    "inference_schema": "inference-schema",
}
